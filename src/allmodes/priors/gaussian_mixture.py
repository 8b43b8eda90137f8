r"""A Gaussian mixture prior: data that falls into modes, from latents that do.

A continuous generator maps the connected support of a Gaussian to one connected set, so it must draw something
between any two modes. A mixture gives it a component for each:

.. math:: z \mid k \sim N(\mu_k, \sigma^2 I), \qquad \mu_k \sim U[-c, c]^d, \qquad k \sim U\{1..K\}

with means drawn once and then fixed (the static GM-GAN, Ben-Yosef & Weinshall 2018). The covariance is
:math:`\sigma^2 I`, not :math:`\sigma I`. Where classes are given, each has a component of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents, Noise
from ..core.seeding import stream
from .base import Prior


class GaussianMixture(Prior):
    """Equally likely spherical Gaussians; class k, where classes are given, owns component k.

    The defaults are the paper's for MNIST.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        spread: half the side c of the cube that holds the means.
        sigma: standard deviation of each component.
        seed: of the means, which do not depend on the seed of the run.

    Raises:
        UserError: a number is not positive.
    """

    name = "gaussian-mixture"
    means: Tensor

    def __init__(
        self, dim: int = 256, *, components: int = 10, spread: float = 0.1, sigma: float = 0.15, seed: int = 0
    ) -> None:
        super().__init__()
        for field, value in {"dim": dim, "components": components}.items():
            if value < 1:
                raise UserError(f"'prior.{field}' is {value}, but must be at least 1.")
        for field, size in {"spread": spread, "sigma": sigma}.items():
            if not size > 0:
                raise UserError(f"'prior.{field}' is {size}, but must be above 0.")
        self.dim = dim
        self.sigma = sigma
        drawn = torch.rand(components, dim, generator=stream(seed, "means"))
        self.register_buffer("means", (drawn * 2 - 1) * spread)

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        component = torch.randint(len(self.means), (n,), generator=rng)
        return Noise(torch.randn(n, self.dim, generator=rng), component)

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """See :meth:`Prior.forward`; the same noise gives every class the same offsets from its mean.

        Raises:
            UserError: a class has no component.
        """
        values = noise.values
        component = noise.component if labels is None else self._of_class(labels).to(values.device)
        return Latents(self.means.to(values)[component] + self.sigma * values, component)

    def _of_class(self, labels: Tensor) -> Tensor:
        component = labels.cpu().long()
        if len(component) and not 0 <= int(component.min()) <= int(component.max()) < len(self.means):
            raise UserError(
                f"'prior.components' is {len(self.means)}, too few for the classes {int(component.min())} to "
                f"{int(component.max())}: give one component per class."
            )
        return component
