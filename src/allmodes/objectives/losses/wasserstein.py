r"""The Wasserstein loss with a gradient penalty (Arjovsky, Chintala & Bottou 2017; Gulrajani et al. 2017, equation 3).

.. math:: L_D = E_z D(G(z)) - E_x D(x) + \gamma\, E_{\hat x} \big( |\nabla D(\hat x)| - 1 \big)^2, \qquad
          L_G = -E_z D(G(z)), \qquad \hat x = (1 - u)\, x + u\, G(z), \quad u \sim U[0, 1]

The best critic of slope 1 measures how far samples must be moved to become the data, so its loss falls as they come
nearer. The penalty keeps the slope at 1 on the lines between the two. The published one is on every step; here
``every`` can make it lazy, as for the other losses. The paper takes five steps of the critic for one of the generator
(``optimizer.discriminator.steps``), and Adam with a rate of 1e-4 and decays of 0 and 0.9.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.moment import Moment
from .base import AdversarialLoss, slope_of_one, uniform


class Wasserstein(AdversarialLoss):
    """Scores are compared as they are. The defaults are the paper's.

    Args:
        gamma: weight of the penalty.
        every: steps between two penalties.
    """

    name = "wasserstein"
    elsewhere = True

    def __init__(self, *, gamma: float = 10.0, every: int = 1) -> None:
        super().__init__(gamma=gamma, every=every)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()

    def points(self, real: Tensor, fake: Tensor, moment: Moment) -> Tensor:
        """On the lines between real images and samples."""
        share = uniform(real.shape[:1], moment, "between").to(real.device)
        return torch.lerp(real, fake, share.view(-1, *[1] * (real.ndim - 1)))

    def penalty(self, scores: Tensor, images: Tensor) -> Tensor:
        return self.gamma * self.every * slope_of_one(scores, images)
