r"""A Gaussian mixture prior whose means, covariances and weights are learnt (the dynamic GM-GAN, Ben-Yosef & Weinshall
2018).

.. math:: z = \mu_k + A_k \epsilon, \qquad \epsilon \sim N(0, I), \qquad k \sim \pi = \mathrm{softmax}(\rho)

so component k has the covariance :math:`A_k A_k^T`, and gradients of the generator's loss reach :math:`\mu_k` and
:math:`A_k` through the latent (reparameterisation, Kingma & Welling 2014). It begins as the static mixture, with
:math:`A_k = \sigma I` and equal weights, which stay equal unless they are to be learnt.

A generator that makes the same of all latents of a component costs no more than one that does not, so factors may fall
to nothing. What holds them,

.. math:: \lambda\, \frac{1}{K d} \sum_k | A_k / \sigma - I |^2

is DeLiGAN's (Gurumurthy, Sarvadevabhatla & Babu 2017, section 4), which has it around 1.

Which component a latent is of does not change little by little, so nothing of that kind flows to :math:`\rho`. It
learns from what each sample costs the generator, :math:`l_i`,

.. math:: \nabla_\rho E\, l = E \big[ (l_i - \bar l)\, \nabla_\rho \log \pi_{k_i} \big]

(score function: Williams 1992), as SLOGAN's weights do (Hwang et al. 2022, theorem 1), which takes the mean of this
over the components that a latent may be of: components that are worth weights do not overlap. The other way, a
Gumbel-softmax with a straight-through gradient (Jang, Gu & Poole 2017), asks a sample what it would cost on the
straight line to another component, where there is nothing: of two modes at 7:3 it found 0.59 where this finds 0.70.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.records import Latents, Noise
from .mixture import Mixture, random_means, require_positive

PACE = 10.0  # of the weights, at the rate of means and covariances: Adam moves all of them alike
FLAT = 1e-6  # of the largest direction of a component: narrower than that, it has none there


class DynamicMixture(Mixture):
    """Gaussians that move and change their shape; where classes are given, each owns components.

    Args:
        dim: dimensions of the latent.
        components: their number K.
        spread: half the side c of the cube that holds the first means.
        sigma: first standard deviation of each component.
        seed: of the first means, which do not depend on the seed of the run.
        classes: as in the static mixture.
        covariance: ``full``, or ``diagonal``: one factor for every dimension.
        pull: lambda, of what holds the factors; 0 for nothing.
        weights: ``fixed``, all components being equally likely, or ``learned``; where components belong to classes,
            these stay equally likely, and weights are learnt within each.

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
        pull: float = 0.0,
        weights: Literal["fixed", "learned"] = "fixed",
    ) -> None:
        super().__init__(dim, components=components, classes=classes)
        require_positive(spread=spread, sigma=sigma)
        self.means = nn.Parameter(random_means(components, dim, spread=spread, seed=seed))
        if not 0 <= pull < math.inf:
            raise UserError(f"'prior.pull' is {pull}, but must be at least 0.")
        self.pull = pull
        self.sigma = sigma
        first = torch.ones(dim) if covariance == "diagonal" else torch.eye(dim)
        self.factors = nn.Parameter((sigma * first).repeat(components, *[1] * first.ndim))
        self.logits = nn.Parameter(torch.zeros(components)) if weights == "learned" else None

    def weights(self) -> Tensor:
        """See :meth:`Prior.weights`."""
        return super().weights() if self.logits is None else self._log_weights(self.logits.detach()).exp()

    def _log_weights(self, logits: Tensor) -> Tensor:
        """Of all components, ``(K,)``; of those of a class, the weights are its share."""
        classes = self.classes or 1
        return (PACE * logits.view(-1, classes)).log_softmax(0).flatten() - math.log(classes)

    def log_chances(self, latents: Latents) -> Tensor | None:
        """See :meth:`Prior.log_chances`."""
        if self.logits is None or latents.component is None:
            return None
        return self._log_weights(self.logits)[latents.component]

    def penalty(self) -> Tensor | None:
        """See :meth:`Prior.penalty`."""
        if not self.pull:
            return None
        first = torch.eye(self.dim).to(self.factors) if self.factors.ndim == 3 else 1.0
        return self.pull * (self.factors / self.sigma - first).square().sum() / (self.components * self.dim)

    def noise(self, n: int, rng: torch.Generator) -> Noise:
        """See :meth:`Prior.noise`."""
        if self.logits is None:
            return super().noise(n, rng)
        chance = torch.rand(n, generator=rng)
        return Noise(torch.randn(n, self.dim, generator=rng), chance=chance)

    def chosen(self, noise: Noise, labels: Tensor | None) -> Tensor:
        """See :meth:`Mixture.chosen`: by the weights, and of a label's own components by theirs."""
        if noise.component is not None or noise.chance is None:
            return super().chosen(noise, labels)
        table = self.weights().double()
        if labels is None:
            return _reached(table[None].cumsum(1), noise.chance)
        classes, labels = self.require_classes(labels), labels.to(noise.chance.device).long()
        return _reached(table.view(-1, classes).T.cumsum(1)[labels], noise.chance) * classes + labels

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
                remedy = "" if factors.ndim == 2 else ", or take --prior.covariance diagonal"
                raise UserError(
                    f"The covariance of component {number} of the prior has become singular: lower "
                    f"--optimizer.prior.lr{remedy}."
                )


def _reached(sums: Tensor, chance: Tensor) -> Tensor:
    """Where running sums ``(n, K)``, or ``(1, K)`` of all, pass a share ``(n,)`` of the whole, int64 ``(n,)``."""
    goal = chance.to(sums)[:, None] * sums[:, -1:]
    return (sums[:, :-1] <= goal).sum(1)


def _singular_values(factors: Tensor) -> Tensor:
    """Of each matrix ``(K, d, d)``, ``(K, d)``; NaN where it is not finite."""
    finite = torch.isfinite(factors).flatten(1).all(1)
    found = torch.full(factors.shape[:2], torch.nan)
    found[finite] = torch.linalg.svdvals(factors[finite])
    return found
