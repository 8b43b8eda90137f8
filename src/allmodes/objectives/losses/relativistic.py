r"""The relativistic pairing loss (Jolicoeur-Martineau 2019; as a stable baseline with R1 and R2: Huang et al. 2024).

.. math:: L_D = E\, s(D(G(z)) - D(x)), \qquad L_G = E\, s(D(x) - D(G(z))), \qquad s = \mathrm{softplus}

Every sample is scored against a real image of its own. A discriminator can no longer satisfy the loss by one
decision boundary for all samples, which removes the basins in which modes are dropped (Sun, Fang & Schwing 2020).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from .base import AdversarialLoss, Where


class Relativistic(AdversarialLoss):
    """Pairs by position in the batch, with R1 and R2 penalties."""

    name = "relativistic"

    def __init__(self, *, gamma: float = 1.0, every: int = 4, where: Where = "both") -> None:
        super().__init__(gamma=gamma, every=every, where=where)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake).mean()
