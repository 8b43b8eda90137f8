"""What an objective is: which players exist, and what each of them minimises in turn.

An objective never touches an optimizer, a device, a process or a precision: the trainer does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Generator
from ..priors.base import Prior


@dataclass(frozen=True)
class Loss:
    """A scalar to descend, and named scalars to log."""

    value: Tensor
    scalars: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Update:
    """One player's turn: the closure computes the loss that this player descends."""

    player: str
    closure: Callable[[], Loss]


class Objective(ABC):
    """A published method. The constructor takes the parts it needs by name: generator, prior, discriminator...

    Attributes:
        generator: the network that is trained.
        prior: where its latents come from.
        unroll: steps of the discriminator that the generator's gradient runs through, and so holds in memory.
    """

    name: ClassVar[str]
    generator: Generator
    prior: Prior
    unroll: int = 0

    @abstractmethod
    def players(self) -> dict[str, nn.Module]:
        """The modules that are trained, by player. One of them is ``"generator"``."""

    def due(self, moment: Moment) -> bool:
        """Whether :meth:`prepare` must run before this step."""
        return False

    def prepare(self, moment: Moment) -> dict[str, float]:
        """Work that several steps share (matching); returns scalars to log."""
        return {}

    @abstractmethod
    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        """The turns of one step, in the order of the paper's algorithm box.

        Args:
            batch: this process's share of the step's examples.
            moment: where the training stands.
        """

    def scheduled(self, progress: float) -> str | None:
        """What went by the whole length of the training up to this share of it, in words, or None if nothing did.

        What did is not as it would have been by now in a longer training.
        """
        return None

    def assigned(self) -> Tensor | None:
        """The latents that serve the examples as it stands, ``(n, d)``; None where examples have none of their own.

        One that serves several examples is there as often, and an example has as many as take turns for it.
        """
        return None

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors beyond the players' weights that a checkpoint must hold."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most keep nothing
        """Take up what :meth:`state_dict` returned."""


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Within this context gradients flow through the module, none into its parameters."""
    kept = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, wanted in kept:
            parameter.requires_grad_(wanted)
