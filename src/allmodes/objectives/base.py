"""What an objective is: which players exist, and what each of them minimises in turn.

An objective never touches an optimizer, a device, a process or a precision: the trainer does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch, Latents
from ..networks.base import Generator
from ..priors.base import Prior
from .terms.base import Loss, Step, Term, fresh_latents


@dataclass(frozen=True)
class Update:
    """One player's turn.

    Args:
        player: whose it is.
        closure: computes the loss that this player descends.
        lazy: k, if it comes only with every k-th turn of the player's others; 0 if it is one of these.
    """

    player: str
    closure: Callable[[], Loss]
    lazy: int = 0


class Objective(ABC):
    """A published method. The constructor takes the parts it needs by name: generator, prior, discriminator...

    Attributes:
        generator: the network that is trained.
        prior: where its latents come from.
        terms: what the players descend; each player's loss is the sum of its own.
        answers: samples that a step makes for each example.
        unroll: steps of the discriminator that the generator's gradient runs through, and so holds in memory.
        differentiated: of the network calls that a sample takes, those that a step's gradient runs through; None for
            all.
        encodes: what its encoder reads from images, if it has one: the component of the prior, or the latent itself.
    """

    name: ClassVar[str]
    generator: Generator
    prior: Prior
    terms: Sequence[Term]
    answers: ClassVar[int] = 1
    unroll: int = 0
    differentiated: int | None = None
    encodes: ClassVar[Literal["component", "latent"]] = "component"

    @classmethod
    def judged(cls, shape: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape that its discriminator is built for, where examples have this one and it has these options."""
        return shape

    @abstractmethod
    def players(self) -> dict[str, nn.Module]:
        """The modules that are trained, by player. One of them is ``"generator"``."""

    def due(self, moment: Moment) -> bool:
        """Whether :meth:`prepare` must run before this step."""
        return any(term.due(moment) for term in self.terms)

    def prepare(self, moment: Moment) -> dict[str, float]:
        """Work that several steps share (matching); returns scalars to log."""
        return {key: value for term in self.terms if term.due(moment) for key, value in term.prepare(moment).items()}

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        """The turns of one step, in the order of the paper's algorithm box: that in which the terms name the players.

        Terms that are lazy have turns of their own.

        Args:
            batch: this process's share of the step's examples.
            moment: where the training stands.
        """
        step = self.step(batch, moment)
        terms = [term for term in self.terms if term.on(moment)]
        for player, lazy in dict.fromkeys((term.player, term.lazy) for term in terms):
            own = [term for term in terms if (term.player, term.lazy) == (player, lazy)]
            yield Update(player, partial(total, own, step), lazy)

    def step(self, batch: Batch, moment: Moment) -> Step:
        """What the terms share at a step of this process's share of the examples."""
        return Step(batch, moment, generator=self.generator, prior=self.prior, latents=self.latents)

    def latents(self, batch: Batch, moment: Moment) -> Latents:
        """This process's share of the latents whose samples players contend over, ``(B, d)``: fresh ones."""
        return fresh_latents(self.prior, batch, moment)

    @property
    def share(self) -> float:
        """Share of the work of a sample that a step does for it, and does again backwards."""
        return 1.0 if self.differentiated is None else self.differentiated / self.generator.calls

    def scheduled(self, progress: float) -> str | None:
        """What went by the whole length of the training up to this share of it, in words, or None if nothing did.

        What did is not as it would have been by now in a longer training.
        """
        return None

    def assigned(self) -> Tensor | None:
        """The latents that serve the examples as it stands, ``(n, d)``; None where examples have none of their own.

        One that serves several examples is there as often, and an example has as many as take turns for it. Under a
        condition a latent alone is no sample: none are told of a conditional generator.
        """
        if self.generator.conditioned is not None:
            return None
        return next((found for term in self.terms if (found := term.assigned()) is not None), None)

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors beyond the players' weights that a checkpoint must hold: those of every term, under its name."""
        return {f"{term.name}.{key}": value for term in self.terms for key, value in term.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state_dict` returned."""
        for term in self.terms:
            term.load_state_dict(below(state, f"{term.name}."))


def total(terms: Sequence[Term], step: Step) -> Loss:
    """The sum of terms, in their order."""
    return reduce(add, (term.loss(step) for term in terms))


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin so, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
