"""What a network is: a plain module that knows its input and output shape, and neither loss nor data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ..core.errors import UserError


class Generator(nn.Module, ABC):
    """Maps latents to images. Constructors take ``shape`` and ``latent`` first, then keyword options.

    Args:
        shape: of one image, ``(C, H, W)``, or ``(2,)`` for planar points.
        latent: dimensions of the latent.

    Attributes:
        name: what recipes call it.
        convolutional: whether it is made of convolutions, which instructions for bfloat16 make faster.
    """

    name: ClassVar[str]
    convolutional: ClassVar[bool] = True

    @abstractmethod
    def forward(self, z: Tensor) -> Tensor:
        """``(n, latent) -> (n, *shape)``, images in [-1, 1]."""


class Discriminator(nn.Module, ABC):
    """Scores images: larger is more real. Constructors take ``shape`` first, then keyword options."""

    name: ClassVar[str]

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n, D)``: what the last linear layer sees."""

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n,)``: the score, a logit; or ``(n, k)``, of which losses take the mean, each a logit."""


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
    """A discriminator that can also draw what it has seen, from its features. Corners are 0, 1, 2, 3."""

    @abstractmethod
    def judge(self, images: Tensor, known: int, corner: int) -> tuple[Tensor, Views]:
        """The scores ``(n,)`` of images ``(n, *shape)``, and reconstructed views of the first ``known`` of them."""

    @abstractmethod
    def views(self, images: Tensor, corner: int) -> Views:
        """What the reconstructions of images ``(n, *shape)`` should be."""


def require_sizes(**sizes: int) -> None:
    """Raise a UserError for the first size, by the name of its option, that is below 1."""
    for option, size in sizes.items():
        if size < 1:
            raise UserError(f"The network's '{option}' is {size}, but must be at least 1.")
