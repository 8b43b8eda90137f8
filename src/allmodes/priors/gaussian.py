r"""The standard Gaussian prior, and the way between two of its latents.

Between latents a and b at angle w it follows the great circle,

.. math:: z(t) = \frac{\sin((1 - t) w)\, a + \sin(t w)\, b}{\sin w}

since a straight line passes nearer to the origin than any sample of the prior does (White 2016, arXiv:1609.04468).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .base import Prior


class Gaussian(Prior):
    """z ~ N(0, I). It has no classes.

    Args:
        dim: dimensions of the latent.
    """

    name = "gaussian"
    centred = True

    def __init__(self, dim: int = 256) -> None:
        super().__init__()
        if dim < 1:
            raise UserError(f"'prior.dim' is {dim}, but must be at least 1.")
        self.dim = dim

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        return Noise(torch.randn(n, self.dim, generator=rng))

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        return Latents(noise.values)

    def between(self, a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
        """See :meth:`Prior.between`: on the great circle."""
        return great_circle(a, b, torch.as_tensor(share).to(a))


def great_circle(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The point at share ``t`` of the way from ``a`` to ``b``, ``(n, d)`` each, as in the module's formula."""
    cosine = F.cosine_similarity(a, b, dim=1).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = cosine.arccos()[:, None]
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
