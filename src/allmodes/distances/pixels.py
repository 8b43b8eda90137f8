"""Euclidean distance of pixels."""

from __future__ import annotations

import torch
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
    averaged = True

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


def beside_pixels(features: Tensor, images: Tensor, weight: float) -> Tensor:
    r"""Features with the pixels beside them: :math:`|\cdot|^2` is that of the features plus ``weight`` times the mean
    squared difference of pixels. What features do not tell apart, such as a faint texture, still counts.

    Args:
        features: ``(n, D)``.
        images: ``(n, *shape)``.
        weight: of the pixels; 0 leaves the features as they are.

    Returns:
        ``(n, D + numel(shape))``, or the features.
    """
    if weight == 0:
        return features
    flat = images.flatten(1)
    return torch.cat([features, flat * (weight / flat.shape[1]) ** 0.5], dim=1)


def check_weight(pixels: float) -> None:
    """Raise a UserError for a negative weight of the pixels."""
    if pixels < 0:
        raise UserError(f"'distance.pixels' is {pixels}, but must be at least 0.")
