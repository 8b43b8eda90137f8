r"""What an adversarial loss is, and the gradient penalties that any of them can carry.

.. math:: R_1 = \tfrac{\gamma}{2} E_x |\nabla D(x)|^2, \qquad R_2 = \tfrac{\gamma}{2} E_z |\nabla D(G(z))|^2

(Mescheder, Geiger & Nowozin 2018). Lazily: every k-th step with k times the weight (Karras et al. 2020, appendix B).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.moment import Moment
from ...core.workers import Workers
from ...networks.base import Discriminator

Where = Literal["both", "real"]
TINY = 1e-12  # where there is no slope at all, a root has no derivative


class AdversarialLoss(ABC):
    """Losses of both players, from the scores of real images and of samples, ``(B,)`` or several an image, ``(B, k)``.

    Args:
        gamma: weight of the R1 and R2 penalties; 0 for none.
        every: steps between two penalties, each weighted by this number.
        where: they are taken: at ``both``, real images and samples (R1 and R2), or at ``real`` images alone (R1).

    Attributes:
        name: what recipes call it.
        elsewhere: whether penalties are taken at points of their own, and not at real images and samples.
        clip: the largest absolute value that a weight of the discriminator may have when it judges; None for any.
    """

    name: ClassVar[str]
    elsewhere: ClassVar[bool] = False
    clip: float | None = None

    def __init__(self, *, gamma: float, every: int, where: Where = "both") -> None:
        if gamma < 0 or every < 1:
            raise UserError(f"'loss.gamma' ({gamma}) must be at least 0 and 'loss.every' ({every}) at least 1.")
        self.gamma = gamma
        self.every = every
        self.where = where

    def require(self, discriminator: Discriminator) -> None:  # noqa: B027 - most take any
        """Raise a UserError unless it is a loss for this discriminator."""

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

    def points(self, real: Tensor, fake: Tensor, moment: Moment) -> Tensor:
        """Where the penalty is taken if that is ``elsewhere``, from this process's real images and samples.

        Args:
            real: ``(B, *shape)``.
            fake: ``(B, *shape)``, without a gradient.
            moment: where the training stands.
        """
        raise NotImplementedError(f"the penalty of {self.name} is taken at real images and samples")

    def penalty(self, scores: Tensor, images: Tensor) -> Tensor:
        """With its lazy weight: R1 + R2, or R1 alone, for scores of ``B`` real images and ``B`` samples stacked.

        Args:
            scores: ``(2B,)`` or ``(2B, k)``; those of :meth:`points` where the penalty is taken elsewhere.
            images: ``(2B, *shape)``, the leaf that the scores were computed from.
        """
        each = squared_gradient(scores, images)
        total = each.mean() if self.where == "both" else each.chunk(2)[0].mean() / 2
        return self.gamma * self.every * total

    def control(self, real: Tensor, fake: Tensor, workers: Workers) -> dict[str, Tensor]:
        """Take account of this process's scores of a step, once the generator has its own; returns scalars to log."""
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        """Tensors that a checkpoint must hold."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most keep nothing
        """Take up what :meth:`state_dict` returned."""


def squared_gradient(scores: Tensor, images: Tensor) -> Tensor:
    """``|grad_x D(x)|^2`` of every image, ``(n,)``, itself differentiable; D is the mean of an image's scores."""
    each = scores.reshape(len(scores), -1).mean(1)
    (gradient,) = torch.autograd.grad(each.sum(), images, create_graph=True)
    return gradient.float().pow(2).flatten(1).sum(1)


def slope_of_one(scores: Tensor, images: Tensor) -> Tensor:
    """The mean of ``(|grad_x D(x)| - 1)^2`` over images, itself differentiable (Gulrajani et al. 2017, equation 3)."""
    return (squared_gradient(scores, images).add(TINY).sqrt() - 1).square().mean()


def uniform(shape: Sequence[int], moment: Moment, name: str) -> Tensor:
    """This process's share of the step's draws of this name from [0, 1], of this shape, the share's length first."""
    length, *rest = shape
    drawn = torch.rand(length * moment.workers.size, *rest, generator=moment.rng(name))
    return drawn[moment.workers.rank :: moment.workers.size]
