r"""A Gaussian mixture prior whose means and covariances are learnt (the dynamic GM-GAN, Ben-Yosef & Weinshall 2018).

.. math:: z = \mu_k + A_k \epsilon, \qquad \epsilon \sim N(0, I), \qquad k \sim U\{1..K\}

so component k has the covariance :math:`A_k A_k^T`, and gradients of the generator's loss reach :math:`\mu_k` and
:math:`A_k` through the latent (reparameterisation, Kingma & Welling 2014). The weights of the components stay equal.
It begins as the static mixture, with :math:`A_k = \sigma I`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .mixture import Mixture, random_means, require_positive

FLAT = 1e-6  # of the largest direction of a component: narrower than that, it has none there


class DynamicMixture(Mixture):
    """Equally likely Gaussians that move and change their shape; where classes are given, each owns components.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        spread: half the side c of the cube that holds the first means.
        sigma: first standard deviation of each component.
        seed: of the first means, which do not depend on the seed of the run.
        classes: as in the static mixture.
        covariance: ``full``, or ``diagonal``: one factor for every dimension.

    Raises:
        UserError: a number is not positive, or the components cannot be spread evenly over the classes.
    """

    name = "dynamic-mixture"

    def __init__(
        self,
        dim: int = 256,
        *,
        components: int = 10,
        spread: float = 0.1,
        sigma: float = 0.15,
        seed: int = 0,
        classes: int | None = None,
        covariance: Literal["full", "diagonal"] = "diagonal",
    ) -> None:
        super().__init__(dim, components=components, classes=classes)
        require_positive(spread=spread, sigma=sigma)
        self.means = nn.Parameter(random_means(components, dim, spread=spread, seed=seed))
        first = torch.ones(dim) if covariance == "diagonal" else torch.eye(dim)
        self.factors = nn.Parameter((sigma * first).repeat(components, *[1] * first.ndim))

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """See :meth:`Prior.forward`.

        Raises:
            UserError: a class has no component.
        """
        component = self.chosen(noise, labels)
        factors, values = self.factors[component], noise.values.to(self.factors)
        offsets = factors * values if factors.ndim == 2 else torch.einsum("nij,nj->ni", factors, values)
        return Latents(self.means[component] + offsets, component)

    @torch.no_grad()
    def require_sound(self) -> None:
        """See :meth:`Prior.require_sound`.

        Raises:
            UserError: a covariance is singular: the component has lost a direction, or is not finite.
        """
        factors = self.factors.detach().cpu()
        sizes = factors.abs() if factors.ndim == 2 else _singular_values(factors)
        most, least = sizes.max(1).values, sizes.min(1).values
        for number, (large, small) in enumerate(zip(most.tolist(), least.tolist(), strict=True)):
            if not small > FLAT * large:
                raise UserError(
                    f"The covariance of component {number} of the prior has become singular: lower optimizer.lr, or "
                    "take --prior.covariance diagonal."
                )


def _singular_values(factors: Tensor) -> Tensor:
    """Of each matrix ``(K, d, d)``, ``(K, d)``; NaN where it is not finite."""
    finite = torch.isfinite(factors).flatten(1).all(1)
    found = torch.full(factors.shape[:2], torch.nan)
    found[finite] = torch.linalg.svdvals(factors[finite])
    return found
