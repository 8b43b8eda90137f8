r"""FastGAN: a GAN for few images whose discriminator reconstructs what it sees (Liu, Zhu, Song & Elgammal 2021).

.. math:: L_D = L_{adv} + \lambda\, E_x \big( |D'(f_2(x)) - x_{half}| + |D''(f_1(x)_c) - x_c| \big)

f are the discriminator's feature maps of real images, D' and D'' small decoders, c a quarter of the image, drawn for
every step (section 3.2, equations 3 and 4). The generator's loss stays adversarial. The adversarial loss of the paper
is the hinge loss. What differs: the paper compares reconstructions by LPIPS, which takes a network that was trained
on other images; here it is the mean absolute difference of pixels, so that everything is learned from the data alone.
As there, images are reconstructed as the discriminator sees them, augmented.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..networks.base import Generator
from ..networks.drawing import Reconstructing
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, ReconstructionTerm, prior_terms, trained


class FastGan(Objective):
    """A GAN whose discriminator also descends the error of its reconstructions of real images.

    Args:
        reconstruction: lambda.
        augmentation: of what the discriminator sees, as in :class:`Gan`.
    """

    name = "fastgan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Reconstructing,
        loss: AdversarialLoss,
        reconstruction: float = 1.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        adversary = Adversary(discriminator, loss, augmentation)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            ReconstructionTerm(discriminator, reconstruction),
            GeneratorTerm(adversary),
            *prior_terms(prior),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}
