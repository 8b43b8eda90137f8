r"""A Gaussian mixture prior that is fitted to latents: its components are where the latents of the data are.

.. math:: z = \mu_k + A_k \epsilon, \qquad \epsilon \sim N(0, I), \qquad k \sim \alpha

with means, covariances :math:`A_k A_k^T` and weights :math:`\alpha` by expectation-maximisation (Dempster, Laird &
Rubin 1977). Until it is fitted it is the static mixture (Ben-Yosef & Weinshall 2018).

One covariance for all components leaves it to the means to tell clusters apart. With covariances of their own, a wide
component may take nearly all latents and narrow ones a corner each.
"""

from __future__ import annotations

import warnings
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .mixture import Mixture, random_means, require_positive

ROUNDS = 20  # of expectation and maximisation in a fit, which begins where the last one ended
RIDGE = 1e-3  # of the latents' variance, added to that of every component: none becomes singular
TINY = 1e-12  # variance that is added even where all latents are the same
FEWEST = 2.0  # latents that a component must account for, or it stays as it was


class FittedMixture(Mixture):
    """Gaussians with the moments, and weights with the shares, of clusters of latents.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        spread: half the side c of the cube that holds the first means.
        sigma: first standard deviation of each component.
        seed: of the first means, which do not depend on the seed of the run.
        covariance: ``shared`` by all components, or of each: ``full``, or ``diagonal``.

    Raises:
        UserError: a number is not positive.
    """

    name = "fitted-mixture"
    means: Tensor
    factors: Tensor
    shares: Tensor

    def __init__(
        self,
        dim: int = 100,
        *,
        components: int = 10,
        spread: float = 0.1,
        sigma: float = 0.15,
        seed: int = 0,
        covariance: Literal["shared", "full", "diagonal"] = "shared",
    ) -> None:
        super().__init__(dim, components=components, classes=None)
        require_positive(spread=spread, sigma=sigma)
        self.covariance = covariance
        self.register_buffer("means", random_means(components, dim, spread=spread, seed=seed))
        first = torch.ones(dim) if covariance == "diagonal" else torch.eye(dim)
        self.register_buffer("factors", (sigma * first).repeat(components, *[1] * first.ndim))
        self.register_buffer("shares", torch.full((components,), 1 / components))

    def weights(self) -> Tensor:
        """See :meth:`Prior.weights`."""
        return self.shares

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        ends = self.shares.cpu().double().cumsum(0)
        drawn = torch.rand(n, generator=rng, dtype=torch.float64) * ends[-1]
        component = torch.searchsorted(ends, drawn, right=True).clamp_max(self.components - 1)
        return Noise(torch.randn(n, self.dim, generator=rng), component)

    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """See :meth:`Prior.forward`.

        Raises:
            UserError: a class has no component.
        """
        values, component = noise.values, self.chosen(noise, labels)
        factors = self.factors.to(values)
        if self.covariance == "shared":
            offsets = values @ factors[0].T
        elif self.covariance == "full":
            offsets = torch.einsum("nij,nj->ni", factors[component], values)
        else:
            offsets = factors[component] * values
        return Latents(self.means.to(values)[component] + offsets, component)

    @torch.no_grad()
    def fit(self, codes: Tensor) -> int:
        """Take the moments and shares of the clusters of latents ``(n, dim)``, from those it has.

        A component that hardly any latent is of keeps its moments, and loses its share.

        Returns:
            How many components kept theirs.

        Raises:
            UserError: there are fewer latents than components, or some are not finite.
        """
        if len(codes) < self.components:
            raise UserError(f"'prior.components' is {self.components}, too many to be fitted to {len(codes)} latents.")
        if not bool(codes.isfinite().all()):
            raise UserError("The latents of real images became NaN or infinite: lower optimizer.lr.")
        found = self._fitted(codes.double().cpu().numpy())
        shares, means, covariances = map(torch.from_numpy, (found.weights_, found.means_, found.covariances_))
        factors = covariances.sqrt() if self.covariance == "diagonal" else torch.linalg.cholesky(covariances)
        moved = shares * len(codes) >= FEWEST
        here = moved.to(self.means.device)
        self.means[here] = means[moved].to(self.means)
        if self.covariance == "shared":
            self.factors.copy_(factors)
        else:
            self.factors[here] = factors[moved].to(self.factors)
        self.shares.copy_(shares)
        return int((~moved).sum())

    def _fitted(self, codes: NDArray[np.float64]) -> GaussianMixture:
        """The likelier on codes ``(n, dim)`` of two mixtures: from the one there is, and from clusters of the codes."""
        ridge = RIDGE * float(codes.var(0).mean()) + TINY
        found = []
        for start in (self._now(), {}):
            model = GaussianMixture(
                self.components,
                covariance_type={"shared": "tied", "full": "full", "diagonal": "diag"}[self.covariance],
                reg_covar=ridge,
                max_iter=ROUNDS,
                random_state=0,
                **start,
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the next fit goes on from here
                found.append(model.fit(codes))
        return max(found, key=lambda model: float(model.lower_bound_))

    def _now(self) -> dict[str, NDArray[np.float64]]:
        """The mixture as it is, as a start."""
        shares, means, factors = (part.double().cpu().numpy() for part in (self.shares, self.means, self.factors))
        shares = np.maximum(shares, TINY)
        inverses = 1 / factors if self.covariance == "diagonal" else np.linalg.inv(factors)
        precisions = inverses**2 if self.covariance == "diagonal" else inverses.swapaxes(1, 2) @ inverses
        return {
            "weights_init": shares / shares.sum(),
            "means_init": means,
            "precisions_init": precisions[0] if self.covariance == "shared" else precisions,
        }
