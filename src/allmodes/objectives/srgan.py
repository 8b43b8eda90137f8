r"""SRGAN: regression in features, and a little of a GAN (Ledig et al. 2017, section 2.2, equation 3).

.. math:: L_G = \frac1B \sum_i |\phi(x_i) - \phi(G_\theta(z_i, y_i))|^2 + \lambda L_{adv}, \qquad \lambda = 10^{-3}

The first part, the "content loss", keeps an answer near its original, the second makes it sharp. Nothing asks for more
than one answer: what z does is left to chance. The published generator has no z and begins from one that was trained
by regression; features are those of VGG19 as they are, here of any distance, to whose size :math:`\lambda` belongs.
The published discriminator judges images alone, as ``convolutional`` does; ``patch`` judges them with their inputs.
"""

from __future__ import annotations

from torch import nn

from ..core.errors import UserError
from ..distances.base import Distance
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, RegressionTerm


class Srgan(Objective):
    """Samples descend the distance to the originals of their inputs, and an adversarial loss.

    Args:
        weight: lambda, of the adversarial loss.

    Raises:
        UserError: lambda is not above 0.
    """

    name = "srgan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        distance: Distance,
        weight: float = 0.001,
    ) -> None:
        if not weight > 0:
            raise UserError(
                f"'objective.weight' is {weight}, but must be above 0: without it take --objective regression."
            )
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            RegressionTerm(distance),
            GeneratorTerm(adversary, weight),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}
