r"""Density and coverage (Naeem et al. 2020, equations 3 and 4).

Density counts the balls of real points around each sample, over the k that are expected; coverage is the share of
real points with a sample in their ball. Only real points have balls, so outliers among the samples do no harm.
For samples of the data's own law and as many of them, density is 1 and coverage ``1 - 2^-k`` in the limit; coverage
still rises with the number of samples, and cannot tell half of the mass from all of it.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from ..core.records import Score
from .neighbourhood import Crossing, share_interval


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
    return density_coverage_of(Crossing.of(real, fake, k, samples=False))


def density_coverage_of(crossing: Crossing) -> tuple[Score, Score]:
    """The same from balls that are known."""
    k = crossing.k
    around = crossing.around_fake.double() / k
    covered = crossing.covered
    n, m = len(crossing.real), len(around)
    error = 1.96 * float(around.std()) / m**0.5
    value = float(around.mean())
    density = Score("density", value, (value - error, value + error), n, m, {"k": k})
    expected = 1 - math.exp(sum(math.log((n - 1 - i) / (n + m - 1 - i)) for i in range(k)))
    detail = {"missed": (~covered).nonzero()[:, 0].tolist(), "expected": expected}
    interval = share_interval(int(covered.sum()), n)
    return density, Score("coverage", float(covered.double().mean()), interval, n, m, {"k": k}, detail)
