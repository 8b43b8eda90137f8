r"""A Gaussian fitted to codes that were learned: how GLO is sampled from.

.. math:: z = \hat\mu + L \epsilon, \qquad L L^T = \hat\Sigma, \qquad \epsilon \sim N(0, I)

with mean and full covariance of the codes (Bojanowski et al. 2018, section 3; Hoshen, Li & Malik 2019, section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .base import Prior

JITTER = 1e-6  # of the variance, so that few codes give a factor, too


class FittedGaussian(Prior):
    """A Gaussian with the moments of codes; standard until it is fitted.

    Args:
        dim: dimensions of the latent.

    Raises:
        UserError: ``dim`` is not positive.
    """

    name = "fitted-gaussian"
    mean: Tensor
    factor: Tensor

    def __init__(self, dim: int = 64) -> None:
        super().__init__()
        if dim < 1:
            raise UserError(f"'prior.dim' is {dim}, but must be at least 1.")
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("factor", torch.eye(dim))

    @torch.no_grad()
    def fit(self, codes: Tensor) -> None:
        """Take the mean and the covariance of codes ``(n, dim)``; fewer than two leave it as it is."""
        if len(codes) < 2:
            return
        covariance = codes.double().T.cov()
        ridge = JITTER * covariance.diagonal().mean().clamp_min(1e-12)
        lower = torch.linalg.cholesky(covariance + ridge * torch.eye(self.dim, device=codes.device))
        self.mean.copy_(codes.mean(0))
        self.factor.copy_(lower)

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        return Noise(torch.randn(n, self.dim, generator=rng))

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        values = noise.values
        return Latents(self.mean.to(values) + values @ self.factor.to(values).T)
