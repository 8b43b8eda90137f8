"""Euclidean distance of pixels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from .base import Distance


class Pixels(Distance):
    """Root mean squared difference of pixels, or of the coordinates of planar points.

    Args:
        pool: side of the squares that are averaged first; 1 for none.

    Raises:
        UserError: ``pool`` is not positive.
    """

    name = "pixels"

    def __init__(self, *, pool: int = 1) -> None:
        super().__init__()
        if pool < 1:
            raise UserError(f"'distance.pool' is {pool}, but must be at least 1.")
        self.pool = pool

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: the examples have no squares of this side.
        """
        if self.pool > 1:
            if images.ndim != 4 or min(images.shape[2:]) < self.pool:
                shape = tuple(images.shape[1:])
                raise UserError(f"'distance.pool' is {self.pool}, too large for examples of shape {shape}: use 1.")
            images = F.avg_pool2d(images, self.pool)
        flat = images.flatten(1)
        scale: float = flat.shape[1] ** -0.5
        return flat * scale

    def fingerprint(self) -> str:
        return f"pixels(pool={self.pool})"
