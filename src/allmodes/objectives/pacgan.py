r"""PacGAN: the discriminator judges several samples at once (Lin, Khetan, Fanti & Oh 2018, section 2).

.. math:: L_D,\, L_G \text{ of } D(x_1, \ldots, x_m) \text{ and } D(G(z_1), \ldots, G(z_m))

m real images, or m samples, make a pack, stacked along the channels of the discriminator's first layer; nothing else of
it changes. Samples that are all alike give themselves away in a pack, so a generator that drops modes is told sooner.
Losses and penalties are those of the GAN, of packs for images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, Step, prior_terms, trained


class PacGan(Objective):
    """Generator against a discriminator of packs.

    Args:
        packing: m, images in a pack. It must divide the examples of a step in each process.

    Raises:
        UserError: ``packing`` is below 1, or the discriminator judges images with their inputs.
    """

    name = "pacgan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        packing: int = 2,
    ) -> None:
        require_packing(packing)
        discriminator.require_alone(f"the objective '{self.name}'")
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.packing = packing
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            *prior_terms(prior),
        )

    @classmethod
    def judged(cls, shape: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, ...]:
        require_packing(options["packing"])
        return (shape[0] * options["packing"], *shape[1:])

    def step(self, batch: Batch, moment: Moment) -> PackedStep:
        if len(batch) % self.packing:
            raise UserError(
                f"'objective.packing' is {self.packing}, which does not divide the {len(batch):,} examples of a step "
                "in each process: change it, or 'batch'."
            )
        step = PackedStep(batch, moment, generator=self.generator, prior=self.prior, latents=self.latents)
        step.packing = self.packing
        return step

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}


class PackedStep(Step):
    """A step in which the discriminator is shown packs.

    Attributes:
        packing: m, images in a pack.
    """

    packing: int

    @property
    def real(self) -> Tensor:
        return packed(self.batch.images, self.packing)

    @property
    def fake(self) -> Tensor:
        return packed(self.samples, self.packing)

    def charge(self, costs: Callable[[], Tensor]) -> None:
        """Each sample bears what its pack costs, weighed so that B of them are to their mean as the packs to theirs."""
        size = self.moment.batch_size
        share = (size - 1) / max(size // self.packing - 1, 1)
        super().charge(lambda: share * costs().repeat(self.packing))


def packed(images: Tensor, packing: int) -> Tensor:
    """``(B, C, *rest) -> (B / m, m C, *rest)``; images of a pack are B / m apart, however processes share a batch."""
    return torch.cat(images.chunk(packing), 1)


def require_packing(packing: int) -> None:
    """Raise a UserError unless a pack has an image."""
    if packing < 1:
        raise UserError(f"'objective.packing' is {packing}, but must be at least 1.")
