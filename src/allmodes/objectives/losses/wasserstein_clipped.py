r"""The Wasserstein loss with clipped weights (WGAN: Arjovsky, Chintala & Bottou 2017, algorithm 1).

.. math:: L_D = E_z D(G(z)) - E_x D(x), \qquad L_G = -E_z D(G(z)), \qquad |w| \le c

The bound on the weights of the critic bounds its slope, at some unknown number. The paper takes five steps of the
critic for one of the generator (``optimizer.discriminator.steps``), c = 0.01, and RMSProp with a rate of 5e-5 (here
it is Adam, which without momentum, ``beta1: 0``, is RMSProp that corrects its first steps).
"""

from __future__ import annotations

from torch import Tensor

from ...core.errors import UserError
from .base import AdversarialLoss


class WassersteinClipped(AdversarialLoss):
    """Scores are compared as they are, and no weight of the discriminator leaves its bounds.

    Args:
        clip: c, the largest absolute value of its weights.
        gamma: weight of the R1 and R2 penalties; 0 for none, as published.
        every: steps between two penalties.

    Raises:
        UserError: the bound is not above 0.
    """

    name = "wasserstein-clipped"

    def __init__(self, *, clip: float = 0.01, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)
        if not clip > 0:
            raise UserError(f"'loss.clip' is {clip}, but must be above 0.")
        self.clip = clip

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()
