r"""The loss of DRAGAN: classification, with slopes of 1 near the data (Kodali, Abernethy, Hays & Kira 2017).

.. math:: L_D = E_x s(-D(x)) + E_z s(D(G(z))) + \gamma\, E_{\hat x} \big( |\nabla D(\hat x)| - 1 \big)^2,
          \qquad L_G = E_z s(-D(G(z))), \qquad \hat x = x + \tfrac12 (1 - \alpha)\, \mathrm{std}(x)\, u

with :math:`\alpha` uniform for every image, u for every pixel: the noise of the authors' code, where the paper has a
Gaussian (section 3, algorithm 1). D is the score, before a sigmoid. Collapse goes with a discriminator that is steep
around some of the data; this one is nowhere steep there. The published penalty is on every step.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from ...core.moment import Moment
from .base import AdversarialLoss, slope_of_one, uniform
from .non_saturating import classified


class Dragan(AdversarialLoss):
    """The non-saturating loss, penalised around real images. The defaults are the paper's.

    Args:
        gamma: weight of the penalty.
        every: steps between two penalties.
    """

    name = "dragan"
    elsewhere = True

    def __init__(self, *, gamma: float = 10.0, every: int = 1) -> None:
        super().__init__(gamma=gamma, every=every)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return classified(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()

    def points(self, real: Tensor, fake: Tensor, moment: Moment) -> Tensor:
        """Real images, each some share of the way to itself with noise of half the deviation of all pixels."""
        noise = uniform(real.shape, moment, "noise").to(real.device)
        share = uniform(real.shape[:1], moment, "share").to(real.device).view(-1, *[1] * (real.ndim - 1))
        return real + share * (moment.workers.gather(real).std() / 2) * noise

    def penalty(self, scores: Tensor, images: Tensor) -> Tensor:
        return self.gamma * self.every * slope_of_one(scores, images)
