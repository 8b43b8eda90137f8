"""Random projection: Euclidean distances of pixels, preserved by far fewer dimensions (Johnson & Lindenstrauss)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.seeding import stream
from .base import Distance


class RandomProjection(Distance):
    """Pixels projected on fixed Gaussian directions.

    Args:
        dim: number of directions.
        seed: of the directions.

    Raises:
        UserError: ``dim`` is not positive.
    """

    name = "random-projection"

    def __init__(self, *, dim: int = 128, seed: int = 0) -> None:
        super().__init__()
        if dim < 1:
            raise UserError(f"'distance.dim' is {dim}, but must be at least 1.")
        self.dim = dim
        self.seed = seed
        self._directions = torch.empty(0)

    def embed(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        if len(self._directions) != flat.shape[1]:
            drawn = torch.randn(flat.shape[1], self.dim, generator=stream(self.seed, "projection", flat.shape[1]))
            self._directions = drawn / (self.dim * flat.shape[1]) ** 0.5
        self._directions = self._directions.to(flat.device)
        return flat @ self._directions.to(flat.dtype)

    def fingerprint(self) -> str:
        return f"random-projection(dim={self.dim}, seed={self.seed})"
