r"""The non-saturating loss (Goodfellow et al. 2014, section 3).

.. math:: L_D = E_x s(-D(x)) + E_z s(D(G(z))), \qquad L_G = E_z s(-D(G(z))), \qquad s = \mathrm{softplus}
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from .base import AdversarialLoss, Where


def classified(real: Tensor, fake: Tensor) -> Tensor:
    """How badly scores tell real images from samples: the cross-entropies of either, summed."""
    return softplus(-real).mean() + softplus(fake).mean()


class NonSaturating(AdversarialLoss):
    """Each player classifies, or fools, sample by sample. Without penalty, as published."""

    name = "non-saturating"

    def __init__(self, *, gamma: float = 0.0, every: int = 4, where: Where = "both") -> None:
        super().__init__(gamma=gamma, every=every, where=where)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return classified(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()
