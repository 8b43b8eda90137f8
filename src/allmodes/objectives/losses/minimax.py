r"""The minimax loss (Goodfellow et al. 2014, equation 1): both players stake one and the same sum.

.. math:: L_D = E_x s(-D(x)) + E_z s(D(G(z))), \qquad L_G = -E_z s(D(G(z))), \qquad s = \mathrm{softplus}

:math:`L_G = E \log(1 - \sigma(D(G(z))))`, and its slope :math:`-\sigma(D(G(z)))`: where the discriminator is sure that
a sample is none of the data, the generator learns nothing from it. It saturates; the non-saturating loss does not.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from .base import AdversarialLoss
from .non_saturating import classified


class Minimax(AdversarialLoss):
    """The zero-sum game of the first GAN. Without penalty, as published."""

    name = "minimax"

    def __init__(self, *, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return classified(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()
