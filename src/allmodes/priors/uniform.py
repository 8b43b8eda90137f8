r"""The uniform prior, for generators whose latents have bounded coordinates.

.. math:: z \sim U[-1, 1]^d

(the prior of DCGAN, Radford et al. 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .base import Prior


class Uniform(Prior):
    """z ~ U[-1, 1]^d. It has no classes.

    Args:
        dim: dimensions of the latent.

    Raises:
        UserError: ``dim`` is not positive.
    """

    name = "uniform"
    centred = True

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        if dim < 1:
            raise UserError(f"'prior.dim' is {dim}, but must be at least 1.")
        self.dim = dim

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        return Noise(torch.rand(n, self.dim, generator=rng) * 2 - 1)

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        return Latents(noise.values)
