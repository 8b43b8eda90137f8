"""What a term is: one summand of what one player descends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...core.moment import Moment
from ...core.records import Batch, Latents
from ...networks.base import Generator, Judgement, made
from ...priors.base import Prior


@dataclass(frozen=True)
class Loss:
    """A scalar to descend, and named scalars to log."""

    value: Tensor
    scalars: Mapping[str, Tensor] = field(default_factory=dict)

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.value + other.value, {**self.scalars, **other.scalars})


@dataclass
class Seen:
    """What the discriminator has judged in a turn, which the terms after it read.

    Args:
        images: before augmentation, ``(n, *shape)``; in its own turn real images and samples, stacked.
        shown: the same as it saw them.
        judgement: what it says of them.
    """

    images: Tensor
    shown: Tensor
    judgement: Judgement


class Step:
    """One step of a training, and what its terms share.

    Args:
        batch: this process's share of the examples.
        moment: where the training stands.
        generator: makes samples.
        prior: where their latents come from.
        latents: gives those of the samples that players contend over, ``(B, d)``.

    Attributes:
        seen: set in the discriminator's turn.
        answer: set in the generator's turn: what the discriminator, which has moved by then, says of the samples.
        costs: what each sample cost the generator in its turn, ``(B,)``, see :meth:`charge`.
        drawn: the latents of this step, a function of the prior's parameters if it has any.
        leaf: the same where the graph ends, so that the generator's turn leaves there the gradient by them.
    """

    def __init__(
        self,
        batch: Batch,
        moment: Moment,
        *,
        generator: Generator,
        prior: Prior,
        latents: Callable[[Batch, Moment], Latents],
    ) -> None:
        self.batch = batch
        self.moment = moment
        self.generator = generator
        self.prior = prior
        self.latents = latents
        self.seen: Seen | None = None
        self.answer: Seen | None = None
        self.costs: Tensor | None = None

    def charge(self, costs: Callable[[], Tensor]) -> None:
        """Add what each sample costs the generator, ``(B,)``, where the weights of a mixture learn from that."""
        if self.prior.log_chances(self.drawn) is not None:
            self.costs = costs() if self.costs is None else self.costs + costs()

    @cached_property
    def drawn(self) -> Latents:
        return self.latents(self.batch, self.moment)

    @cached_property
    def leaf(self) -> Tensor:
        z = self.drawn.z
        return z.detach().requires_grad_(z.requires_grad)

    @cached_property
    def samples(self) -> Tensor:
        """This process's share of the samples, ``(B, *shape)``; made once for all turns."""
        return self.made(self.leaf)

    @property
    def real(self) -> Tensor:
        """What the discriminator is shown of the examples, ``(n, *shape)``: their images, unless a method says else."""
        return self.batch.images

    @property
    def fake(self) -> Tensor:
        """What it is shown of the samples, as many; gradients flow through it to the generator."""
        return self.samples

    def made(self, z: Tensor) -> Tensor:
        """Images of latents ``(B, d)``, each under the condition of the example in its place, ``(B, *shape)``."""
        return made(self.generator, Latents(z, condition=self.generator.condition(self.batch)))

    @property
    def labels(self) -> Tensor | None:
        """The classes of the samples, int64 ``(B,)``: sample i is made for example i and has its label.

        None where samples are made whatever the examples are, or these have no labels.
        """
        free = self.prior.classes is None and self.generator.conditioned is None
        return None if free else self.batch.labels


def fresh_latents(prior: Prior, batch: Batch, moment: Moment) -> Latents:
    """This process's share of the latents that are drawn for a step, ``(B, d)``, as the prior's parameters make them.

    They are in float32 whatever the precision of the networks.

    Args:
        prior: a law of them; tied to classes, latent i is of the class of example i.
        batch: this process's share of the examples.
        moment: where the training stands.
    """
    noise = prior.noise(moment.batch_size, moment.rng("latents"))
    mine = noise.share(moment.workers.rank, moment.workers.size).to(moment.device)
    with torch.autocast(moment.device.type, enabled=False):
        latents: Latents = prior(mine, prior.labels(batch))
    return latents


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


class Term(ABC):
    """One summand of the loss of one player.

    Attributes:
        name: what it is called in checkpoints.
        player: who descends it.
        lazy: k, if it has turns of its own, after every k-th one of its player (lazy regularisation: Karras et al.
            2020, appendix B); 0 if it is part of the player's sum.
        passes: through the generator that :meth:`prepare` takes for each image of the training, matching apart; a step
            of a descent counts three.
    """

    name: ClassVar[str]
    player: str = "generator"
    lazy: int = 0
    passes: float = 0.0

    def note(self, images: int) -> str | None:
        """What a person should know before a training of so many images in all, in words; None for nothing."""
        return None

    def on(self, moment: Moment) -> bool:
        """Whether it is part of the sum at this step."""
        return True

    def due(self, moment: Moment) -> bool:
        """Whether :meth:`prepare` must run before this step."""
        return False

    def prepare(self, moment: Moment) -> dict[str, float]:
        """Work that several steps share; returns scalars to log."""
        return {}

    @abstractmethod
    def loss(self, step: Step) -> Loss:
        """Its value at this step, weighted, and its figures."""

    def assigned(self) -> Tensor | None:
        """The latents that serve the examples as it stands, see :meth:`Objective.assigned`."""
        return None

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that a checkpoint must hold."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most keep nothing
        """Take up what :meth:`state_dict` returned."""
