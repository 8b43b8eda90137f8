r"""The loss of VEEGAN: the generator descends an estimate of a divergence (Srivastava et al. 2017, section 3.2).

.. math:: L_D = E_x s(-D(x)) + E_z s(D(G(z))), \qquad L_G = -E_z D(G(z)), \qquad s = \mathrm{softplus}

The best score is :math:`\log p(x) / q(x)`, of data p and samples q, and :math:`L_G` then :math:`KL(q \| p)`.
"""

from __future__ import annotations

from torch import Tensor

from .base import AdversarialLoss
from .non_saturating import classified


class ReverseKL(AdversarialLoss):
    """Scores are classified by one player, and compared as they are by the other. Without penalty, as published."""

    name = "reverse-kl"

    def __init__(self, *, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return classified(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()
