"""Discriminators that can draw what they see."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from .base import Discriminator


@dataclass(frozen=True)
class Views:
    """What a discriminator reconstructs of images: the whole and a part.

    Args:
        whole: all of it, smaller, ``(n, C, h, h)``.
        part: the quarter at one corner, ``(n, C, h, h)``.
    """

    whole: Tensor
    part: Tensor


class Reconstructing(Discriminator):
    """A discriminator that can also draw what it has seen, from its maps. Corners are 0, 1, 2, 3."""

    @abstractmethod
    def reconstruct(self, maps: Sequence[Tensor], corner: int) -> Views:
        """Views of images, from the maps of their judgement."""

    @abstractmethod
    def views(self, images: Tensor, corner: int) -> Views:
        """What the reconstructions of images ``(n, *shape)`` should be."""


class AutoEncoding(Discriminator):
    """A discriminator that draws images again: the better it can, the more real they are (Zhao et al. 2017).

    Its features are what is left of an image, and its score is minus their mean absolute value, so 0 at most.
    """

    def __init__(self) -> None:
        super().__init__()
        self.score = Closeness()

    @abstractmethod
    def reconstructed(self, images: Tensor) -> Tensor:
        """Images ``(n, *shape)`` as it draws them again."""

    def features(self, images: Tensor) -> Tensor:
        return (images - self.reconstructed(images)).flatten(1)


class Closeness(nn.Module):
    """Minus the mean absolute value of residuals, ``(n, D) -> (n, 1)``."""

    def forward(self, residuals: Tensor) -> Tensor:
        return -residuals.abs().mean(1, keepdim=True)
