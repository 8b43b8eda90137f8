r"""A prior that is itself a generator: noise through a small network, as GLANN learns it (Hoshen, Li & Malik 2019).

.. math:: z = T(e), \qquad e \sim N(0, I)

The law of z has no formula and needs none: to draw from it is all that a generator of images asks for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .base import Prior


class Implicit(Prior):
    """Noise through two hidden layers with ReLU: 32 -> 128 -> 128 -> 64, as published, but with layer norm in place of
    batch norm, so that a latent does not depend on which others are drawn with it.

    Args:
        dim: dimensions of the latent.
        noise: dimensions of e.
        width: of the hidden layers.

    Raises:
        UserError: a number is not positive.
    """

    name = "implicit"

    def __init__(self, dim: int = 64, *, noise: int = 32, width: int = 128) -> None:
        super().__init__()
        for field, value in {"dim": dim, "noise": noise, "width": width}.items():
            if value < 1:
                raise UserError(f"'prior.{field}' is {value}, but must be at least 1.")
        self.dim = dim
        self.source = noise
        self.mapping = nn.Sequential(
            nn.Linear(noise, width, bias=False),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Linear(width, dim),
        )

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        return Noise(torch.randn(n, self.source, generator=rng))

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        return Latents(self.mapping(noise.values))
