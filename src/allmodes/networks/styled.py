"""What a generator is whose layers each draw in a style: it maps a latent to a style and draws from styles."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from .base import Generator


class Styled(Generator):
    """A generator that draws from a style for every layer; of one latent all of them are equal.

    Attributes:
        count: L, its layers that are given a style.
    """

    count: int

    @abstractmethod
    def mapped(self, z: Tensor) -> Tensor:
        """The styles of latents, ``(n, latent) -> (n, W)``."""

    @abstractmethod
    def drawn(self, styles: Tensor, z: Tensor) -> Tensor:
        """Images in [-1, 1].

        Args:
            styles: one for each layer, ``(n, L, W)``.
            z: latents ``(n, latent)``, for what of them is no matter of style: noise.

        Returns:
            ``(n, *shape)``.
        """

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.drawn(self.repeated(self.mapped(z)), z)

    def repeated(self, styles: Tensor) -> Tensor:
        """The same style for all layers, ``(n, W) -> (n, L, W)``."""
        return styles[:, None].expand(-1, self.count, -1)
