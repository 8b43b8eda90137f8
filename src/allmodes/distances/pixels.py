"""Euclidean distance of pixels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .base import Distance


class Pixels(Distance):
    """Root mean squared difference of pixels, or of the coordinates of planar points.

    Args:
        pool: side of the squares that are averaged first; 1 for none.
    """

    name = "pixels"

    def __init__(self, *, pool: int = 1) -> None:
        super().__init__()
        self.pool = pool

    def embed(self, images: Tensor) -> Tensor:
        if self.pool > 1:
            images = F.avg_pool2d(images, self.pool)
        flat = images.flatten(1)
        scale: float = flat.shape[1] ** -0.5
        return flat * scale

    def fingerprint(self) -> str:
        return f"pixels(pool={self.pool})"
