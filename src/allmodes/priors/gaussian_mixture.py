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

from ..core.records import Latents, Noise
from .mixture import Mixture, random_means, require_positive


class GaussianMixture(Mixture):
    """Equally likely spherical Gaussians; where classes are given, each owns components.

    The defaults are the paper's for MNIST.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        spread: half the side c of the cube that holds the means.
        sigma: standard deviation of each component.
        seed: of the means, which do not depend on the seed of the run.
        classes: how many classes own the components, component k being that of class k modulo their number; null
            where components are free of classes.

    Raises:
        UserError: a number is not positive, or the components cannot be spread evenly over the classes.
    """

    name = "gaussian-mixture"

    def __init__(
        self,
        dim: int = 256,
        *,
        components: int = 10,
        spread: float = 0.1,
        sigma: float = 0.15,
        seed: int = 0,
        classes: int | None = None,
    ) -> None:
        super().__init__(dim, components=components, classes=classes)
        require_positive(spread=spread, sigma=sigma)
        self.sigma = sigma
        self.register_buffer("means", random_means(components, dim, spread=spread, seed=seed))

    @property
    def factors(self) -> Tensor:  # type: ignore[override]
        """See :class:`Mixture`."""
        return torch.full_like(self.means, self.sigma)

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """See :meth:`Prior.forward`; the same noise gives every class the same offsets from its mean.

        Raises:
            UserError: a class has no component.
        """
        values, component = noise.values, self.chosen(noise, labels)
        return Latents(self.means.to(values)[component] + self.sigma * values, component)
