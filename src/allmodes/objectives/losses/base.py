r"""What an adversarial loss is, and the gradient penalties that any of them can carry.

.. math:: R_1 = \tfrac{\gamma}{2} E_x |\nabla D(x)|^2, \qquad R_2 = \tfrac{\gamma}{2} E_z |\nabla D(G(z))|^2

(Mescheder, Geiger & Nowozin 2018). Lazily: every k-th step with k times the weight (Karras et al. 2020, appendix B).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ...core.errors import UserError


class AdversarialLoss(ABC):
    """Losses of both players, from the scores of real images and of samples, ``(B,)`` or several an image, ``(B, k)``.

    Args:
        gamma: weight of the R1 and R2 penalties; 0 for none.
        every: steps between two penalties, each weighted by this number.

    Attributes:
        name: what recipes call it.
        between: whether penalties are taken on the lines between real images and samples, and not at these.
    """

    name: ClassVar[str]
    between: ClassVar[bool] = False

    def __init__(self, *, gamma: float, every: int) -> None:
        if gamma < 0 or every < 1:
            raise UserError(f"'loss.gamma' ({gamma}) must be at least 0 and 'loss.every' ({every}) at least 1.")
        self.gamma = gamma
        self.every = every

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss from scores of the same shape."""

    @abstractmethod
    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss from scores of the same shape."""

    @torch.no_grad()
    def each(self, real: Tensor, fake: Tensor) -> Tensor:
        """What each sample by itself costs the generator, ``(B,)``, without a gradient."""
        return torch.vmap(self.generator)(real[:, None], fake[:, None])

    def penalised(self, step: int) -> bool:
        """Whether this step carries the penalties."""
        return self.gamma > 0 and step % self.every == 0

    def penalty(self, scores: Tensor, images: Tensor) -> Tensor:
        """R1 + R2 with their lazy weight, for scores of ``B`` real images and ``B`` samples stacked.

        Args:
            scores: ``(2B,)`` or ``(2B, k)``.
            images: ``(2B, *shape)``, the leaf that the scores were computed from.
        """
        return self.gamma * self.every * squared_gradient(scores, images).mean()


def squared_gradient(scores: Tensor, images: Tensor) -> Tensor:
    """``|grad_x D(x)|^2`` of every image, ``(n,)``, itself differentiable; D is the mean of an image's scores."""
    each = scores.reshape(len(scores), -1).mean(1)
    (gradient,) = torch.autograd.grad(each.sum(), images, create_graph=True)
    return gradient.float().pow(2).flatten(1).sum(1)
