r"""Density and coverage (Naeem et al. 2020, equations 3 and 4).

Density counts the balls of real points around each sample, over the k that are expected; coverage is the share of
real points with a sample in their ball. Only real points have balls, so outliers among the samples do no harm.
For samples of the data's own law and as many of them, density is 1 and coverage ``1 - 2^-k`` in the limit; coverage
still rises with the number of samples, and cannot tell half of the mass from all of it.
"""

from __future__ import annotations

import math

import torch
from numpy.typing import ArrayLike

from ..core.records import Score
from .neighbourhood import Features, containing, radii, share_interval, squared_distances


def density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> tuple[Score, Score]:
    """Density, then coverage.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        k: neighbours that decide a ball.

    Returns:
        Two Scores. Detail of the coverage: ``missed`` real examples, and ``expected``, the coverage of as many samples
        of the data's own law, ``1 - C(n - 1, k) / C(n + m - 1, k)``.

    Raises:
        ValueError: not more than ``k`` examples of either, NaN, or different dimensions.
    """
    both = Features.of(real, fake, least=k + 1)
    radius = radii(both.real, k)
    around = containing(both.fake, both.real, radius).double() / k
    nearest = torch.full((len(both.real),), torch.inf)
    for rows, _, squared in squared_distances(both.real, both.fake):
        nearest[rows] = torch.minimum(nearest[rows], squared.min(1).values)
    covered = containing_any(nearest, radius)
    n, m = len(both.real), len(both.fake)
    error = 1.96 * float(around.std()) / m**0.5
    value = float(around.mean())
    density = Score("density", value, (value - error, value + error), n, m, {"k": k})
    expected = 1 - math.exp(sum(math.log((n - 1 - i) / (n + m - 1 - i)) for i in range(k)))
    detail = {"missed": (~covered).nonzero()[:, 0].tolist(), "expected": expected}
    interval = share_interval(int(covered.sum()), n)
    return density, Score("coverage", float(covered.double().mean()), interval, n, m, {"k": k}, detail)


def containing_any(squared: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """Whether points at these squared distances are within these radii, but for rounding."""
    return squared <= radius.pow(2) * (1 + 1e-5) + 1e-12
