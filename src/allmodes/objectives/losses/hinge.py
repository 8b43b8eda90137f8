r"""The hinge loss (Lim & Ye 2017; Tran, Ranganath & Blei 2017).

.. math:: L_D = E_x \max(0, 1 - D(x)) + E_z \max(0, 1 + D(G(z))), \qquad L_G = -E_z D(G(z))

A discriminator that is right by a margin of 1 learns no more from that image. FastGAN's code draws the margins at
random; here they are 1.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu

from .base import AdversarialLoss


class Hinge(AdversarialLoss):
    """Margins of 1. Without penalty, as published."""

    name = "hinge"

    def __init__(self, *, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()
