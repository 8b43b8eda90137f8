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
    means: Tensor

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
        super().__init__()
        for field, value in {"dim": dim, "components": components}.items():
            if value < 1:
                raise UserError(f"'prior.{field}' is {value}, but must be at least 1.")
        for field, size in {"spread": spread, "sigma": sigma}.items():
            if not size > 0:
                raise UserError(f"'prior.{field}' is {size}, but must be above 0.")
        require_even(components, classes)
        self.dim = dim
        self.components = components
        self.classes = classes
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
        component = noise.component if labels is None else self._of_class(labels, noise)
        return Latents(self.means.to(values)[component] + self.sigma * values, component)

    def _of_class(self, labels: Tensor, noise: Noise) -> Tensor:
        """A component of each label's own, as likely as any other of them."""
        classes = self.classes or len(self.means)
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise UserError(
                f"'prior.components' is {len(self.means)}, for {classes} classes, too few for the classes "
                f"{int(labels.min())} to {int(labels.max())}: give one component per class."
            )
        assert noise.component is not None
        return labels.to(noise.values.device).long() + noise.component // classes * classes


def require_even(components: int, classes: int | None) -> None:
    """Refuse classes that cannot have equally many components.

    Raises:
        UserError: there are none, more than components, or a class would have one more than another.
    """
    if classes is not None and not 1 <= classes <= components:
        raise UserError(f"'prior.classes' is {classes}, but must be from 1 to 'prior.components', {components}.")
    if classes is not None and components % classes:
        raise UserError(f"'prior.components' is {components}, but must be a multiple of 'prior.classes', {classes}.")
