"""What the mixtures have in common: how a component is drawn, and which a class owns."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Noise
from ..core.seeding import stream
from .base import Prior


class Mixture(Prior):
    """Equally likely components; where classes are given, each owns as many of them.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        classes: how many classes own the components, component k being that of class k modulo their number; null
            where components are free of classes.

    Attributes:
        means: of the components, ``(K, d)``.
        factors: A of each, whose covariance is A A^T: full, ``(K, d, d)``, or the diagonal alone, ``(K, d)``.

    Raises:
        UserError: a number is not positive, or the components cannot be spread evenly over the classes.
    """

    components: int
    means: Tensor
    factors: Tensor

    def __init__(self, dim: int, *, components: int, classes: int | None) -> None:
        super().__init__()
        for field, value in {"dim": dim, "components": components}.items():
            if value < 1:
                raise UserError(f"'prior.{field}' is {value}, but must be at least 1.")
        if classes is not None and not 1 <= classes <= components:
            raise UserError(f"'prior.classes' is {classes}, but must be from 1 to 'prior.components', {components}.")
        if classes is not None and components % classes:
            raise UserError(
                f"'prior.components' is {components}, but must be a multiple of 'prior.classes', {classes}."
            )
        self.dim = dim
        self.components = components
        self.classes = classes

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        component = torch.randint(self.components, (n,), generator=rng)
        return Noise(torch.randn(n, self.dim, generator=rng), component)

    def weights(self) -> Tensor:
        """See :meth:`Prior.weights`."""
        return torch.full((self.components,), 1 / self.components)

    def log_densities(self, z: Tensor) -> Tensor:
        """log p(z, k) of latents ``(n, d)`` with each component, float64 ``(n, K)``: largest of the likeliest one."""
        offsets = z.double()[:, None] - self.means.double()
        factors = self.factors.double()
        if factors.ndim == 2:
            whitened, volume = offsets / factors, factors.abs().log().sum(1)
        else:
            whitened = torch.linalg.solve(factors, offsets[..., None])[..., 0]
            volume = torch.linalg.slogdet(factors).logabsdet
        constant = 0.5 * self.dim * math.log(2 * math.pi)
        weights = self.weights().to(z.device).double().log()
        return weights - volume - 0.5 * whitened.square().sum(2) - constant

    def chosen(self, noise: Noise, labels: Tensor | None) -> Tensor:
        """The component of each latent, int64 ``(n,)``: of each label's own ones, any is as likely as another.

        Raises:
            UserError: a class has no component.
        """
        assert noise.component is not None
        if labels is None:
            return noise.component
        classes = self.require_classes(labels)
        return labels.to(noise.values.device).long() + noise.component // classes * classes

    def require_classes(self, labels: Tensor) -> int:
        """How many classes there are components of.

        Raises:
            UserError: a label ``(n,)`` is none of them.
        """
        classes = self.classes or self.components
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            raise UserError(
                f"'prior.components' is {self.components}, for {classes} classes, too few for the classes "
                f"{int(labels.min())} to {int(labels.max())}: give one component per class."
            )
        return classes


def require_positive(**sizes: float) -> None:
    """Raise a UserError for the first of the prior's options that is not above 0, or not finite."""
    for field, size in sizes.items():
        if not 0 < size < math.inf:
            raise UserError(f"'prior.{field}' is {size}, but must be above 0, and finite.")


def random_means(components: int, dim: int, *, spread: float, seed: int) -> Tensor:
    """Means drawn uniformly from the cube of half the side ``spread``, ``(K, dim)``."""
    drawn = torch.rand(components, dim, generator=stream(seed, "means"))
    return (drawn * 2 - 1) * spread
