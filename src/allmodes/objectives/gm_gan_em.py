r"""A GAN whose mixture prior is fitted to the data by inversion (after Ben-Yosef & Weinshall 2018).

1. Generator and discriminator contend as in :mod:`.gan`, over samples of the mixture.
2. Every so many images, real ones are inverted, and the mixture is fitted to their latents: see :mod:`.terms.refit`.

So components go to where the generator has put the modes of the data, and take their shares.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..networks.base import Discriminator, Generator
from ..priors.fitted_mixture import FittedMixture
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, RefitTerm


class GmGanEm(Objective):
    """A GAN, and a prior that is fitted again and again to the latents of real images.

    Args:
        every: images of training between two fits.
        inverted: real images that are inverted for each.
        steps: of Adam in the latent, in each inversion.
        pool: samples from the nearest of which an inversion starts, where no earlier one ended nearer.
        augmentation: of what the discriminator sees, as in :class:`Gan`.

    Raises:
        UserError: a number is not positive, there are fewer images than components, or samples have conditions.
    """

    name = "gm-gan-em"
    prior: FittedMixture

    def __init__(
        self,
        generator: Generator,
        prior: FittedMixture,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        every: int = 60_000,
        inverted: int = 2_000,
        steps: int = 20,
        pool: int = 2_000,
        augmentation: Sequence[str] = (),
    ) -> None:
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        adversary = Adversary(discriminator, loss, augmentation)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            RefitTerm(generator, prior, every=every, inverted=inverted, steps=steps, pool=pool),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}
