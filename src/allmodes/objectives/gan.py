r"""The generative adversarial network (Goodfellow et al. 2014, algorithm 1, one discriminator step per step).

1. Draw latents z and real images x.
2. The discriminator descends its adversarial loss on D(x) and D(G(z)), plus gradient penalties.
3. The generator descends its adversarial loss on D(G(z)), and so do the parameters of the prior, if it has any.

With few images the discriminator may see all of them, real ones and samples, in both turns, through random
differentiable augmentation (Zhao et al. 2020). Gradient penalties are then taken by the images before augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, prior_terms, trained


class Gan(Objective):
    """Generator against discriminator, under any adversarial loss.

    Args:
        augmentation: what images undergo before the discriminator sees them, in this order: any of ``colour``,
            ``translation`` and ``cutout``.

    Raises:
        UserError: there is no such augmentation.
    """

    name = "gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
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
            *prior_terms(prior),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}
