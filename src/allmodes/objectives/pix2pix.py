r"""pix2pix: a GAN of pairs, and the absolute difference of pixels (Isola, Zhu, Zhou & Efros 2017, section 3.1).

.. math:: L_G = L_{adv} + \lambda\, E\, |x - G(z, y)|_1, \qquad \lambda = 100

with the mean of absolute differences over pixels from -1 to 1, as in the authors' code. The discriminator judges
answers beside their inputs (``patch``). The authors gave up z, which their generator learned to ignore, for dropout,
which changes answers little; here z stays, and is as free to be ignored. Their generator is a U-Net, here it is any.
"""

from __future__ import annotations

from torch import nn

from ..core.errors import UserError
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import AbsoluteTerm, Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm


class Pix2Pix(Objective):
    """Generator against discriminator, with every answer pulled to the original of its input.

    Args:
        weight: lambda, of the absolute difference.

    Raises:
        UserError: lambda is not above 0.
    """

    name = "pix2pix"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        weight: float = 100.0,
    ) -> None:
        if not weight > 0:
            raise UserError(f"'objective.weight' is {weight}, but must be above 0: without it take --objective gan.")
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            AbsoluteTerm(weight),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}
