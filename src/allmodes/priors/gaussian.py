"""The standard Gaussian prior."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents
from .base import Prior


class Gaussian(Prior):
    """z ~ N(0, I). It has no classes.

    Args:
        dim: dimensions of the latent.
    """

    name = "gaussian"

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        if dim < 1:
            raise UserError(f"'prior.dim' is {dim}, but must be at least 1.")
        self.dim = dim

    def sample(self, n: int, rng: torch.Generator, labels: Tensor | None = None) -> Latents:
        return Latents(torch.randn(n, self.dim, generator=rng))
