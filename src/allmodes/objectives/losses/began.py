r"""The loss of BEGAN: an equilibrium of reconstruction errors (Berthelot, Schumm & Metz 2017, section 3.4).

.. math:: L_D = L(x) - k_t L(G(z)), \qquad L_G = L(G(z)), \qquad
          k_{t+1} = \big[ k_t + \lambda \big( \rho L(x) - L(G(z)) \big) \big]_0^1

L is how far an image is from what the discriminator, an autoencoder, makes of it; a score is -L. :math:`\rho` is the
paper's diversity ratio :math:`\gamma`: the controller k holds the error of samples at that share of the error of real
images. Lower, and samples are cleaner and more alike. How far the training has come is
:math:`M = L(x) + |\rho L(x) - L(G(z))|` (section 3.4.1), logged as ``convergence``.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.workers import Workers
from ...networks.base import Discriminator
from ...networks.drawing import AutoEncoding
from .base import AdversarialLoss


class Began(AdversarialLoss):
    """For a discriminator that is an autoencoder. The defaults are the paper's; without penalty, as published.

    Args:
        diversity: rho, above 0 and at most 1.
        rate: lambda, of the controller.
        gamma: weight of the R1 and R2 penalties; 0 for none.
        every: steps between two penalties.

    Attributes:
        k: the controller, 0 at first; a checkpoint holds it.

    Raises:
        UserError: an option is out of range.
    """

    name = "began"

    def __init__(self, *, diversity: float = 0.5, rate: float = 0.001, gamma: float = 0.0, every: int = 4) -> None:
        super().__init__(gamma=gamma, every=every)
        if not (0 < diversity <= 1 and rate > 0):
            raise UserError(
                f"'loss.diversity' ({diversity}) must be above 0 and at most 1, and 'loss.rate' ({rate}) above 0."
            )
        self.diversity = diversity
        self.rate = rate
        self.k = torch.zeros(())

    def require(self, discriminator: Discriminator) -> None:
        if not isinstance(discriminator, AutoEncoding):
            raise UserError(
                f"The loss '{self.name}' compares reconstructions, and the discriminator '{discriminator.name}' makes "
                "none: take --discriminator auto-encoder (of points dense-auto-encoder), or --loss non-saturating."
            )

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.k.to(fake.device) * fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()

    def control(self, real: Tensor, fake: Tensor, workers: Workers) -> dict[str, Tensor]:
        errors = -workers.gather(torch.stack([real.mean(), fake.mean()])).view(-1, 2).mean(0)
        balance = self.diversity * errors[0] - errors[1]
        self.k = (self.k.to(errors.device) + self.rate * balance).clamp(0, 1)
        return {"k": self.k, "convergence": errors[0] + balance.abs()}

    def state_dict(self) -> dict[str, Tensor]:
        return {"k": self.k}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.k = state["k"]
