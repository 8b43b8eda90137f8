r"""The least squares loss (LSGAN: Mao et al. 2017, equation 2).

.. math:: L_D = \tfrac12 E_x (D(x) - b)^2 + \tfrac12 E_z (D(G(z)) - a)^2, \qquad L_G = \tfrac12 E_z (D(G(z)) - c)^2

The farther a sample's score is from c, the more the generator learns from it, also where the discriminator is sure.
"""

from __future__ import annotations

from torch import Tensor

from ...core.errors import UserError
from .base import AdversarialLoss


class LeastSquares(AdversarialLoss):
    """Scores are drawn to targets. By default the paper's 0-1 coding (equation 9), without penalty.

    With a = -1, b = 1 and c = 0 the generator descends a Pearson chi-squared divergence (equation 8).

    Args:
        a: target of samples.
        b: target of real images.
        c: what the generator wants of its samples.
        gamma: weight of the R1 and R2 penalties; 0 for none.
        every: steps between two penalties.

    Raises:
        UserError: samples and real images have one target, or the generator wants its own samples' target.
    """

    name = "least-squares"

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)
        if a in {b, c}:
            raise UserError(f"'loss.a' is {a}, but must differ from 'loss.b' ({b}) and 'loss.c' ({c}).")
        self.a, self.b, self.c = a, b, c

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return ((real - self.b).square().mean() + (fake - self.a).square().mean()) / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - self.c).square().mean() / 2
