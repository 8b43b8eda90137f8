r"""Clipped density and clipped coverage (Salvy, Talbot & Thirion 2025, arXiv:2507.01761, section 4).

Density and coverage (see :mod:`.density_coverage`) in which no example counts for more than one, on a scale where a
share x of good samples gives x.

Clipped density: no ball of the data is wider than their median ball, a sample in more than k balls counts as one in k,
and the mean is over that of the data themselves, each without itself. Clipped coverage: of the samples in each ball up
to k count, :math:`\frac{1}{n k} \sum_i \min(k, \#_i)`, and the figure is the share x of m samples of the data's own law
whose expectation that is. The mass of a ball is Beta(k, n - k), so of x m samples it holds a beta-binomial number.

What they cannot see: clipped density, anything of variety; clipped coverage, samples that crowd in the middle of
high-dimensional data, which are in every ball.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln
from torch import Tensor

from ..core.records import Score
from .neighbourhood import ball_counts, radii, share_interval
from .usable import usable_count, usable_pair

Values = NDArray[np.float64]


def clipped_density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> tuple[Score, Score]:
    """Clipped density, then clipped coverage.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        k: neighbours that decide a ball.

    Returns:
        Two Scores from 0 to 1; detail of the coverage: ``unscaled``, the figure before it is brought to the scale.

    Raises:
        ValueError: not more than ``k`` examples of either, NaN, or different dimensions.
    """
    data, samples = usable_pair(real, fake, k=usable_count(k, "k"))
    wide = radii(data, k)
    narrow = wide.clamp_max(float(np.median(wide.numpy())))
    _, around_own = ball_counts(data, narrow, data)
    _, around = ball_counts(data, narrow, samples)
    held, _ = ball_counts(data, wide, samples)
    best = float(_clipped(around_own - 1, k).mean())
    density, share = _clipped(around, k), _clipped(held, k)
    n, m = len(data), len(samples)
    scale = expected(n, m, k)
    figures = [float(np.interp(figure, scale, np.arange(m + 1) / m)) for figure in (share.mean(), *_interval(share))]
    first = [min(1.0, float(figure) / best) for figure in (density.mean(), *_interval(density))]
    detail = {"unscaled": float(share.mean())}
    return (
        Score("clipped_density", first[0], (first[1], first[2]), n, m, {"k": k}),
        Score("clipped_coverage", figures[0], (figures[1], figures[2]), n, m, {"k": k}, detail),
    )


def expected(n: int, m: int, k: int) -> Values:
    """Unscaled coverage of n examples to be expected of 0, 1, ... m samples of their own law, ``(m + 1,)``."""
    count = np.arange(m + 1)
    figure = np.ones(m + 1)
    for j in range(min(k, m + 1)):
        some = count[j:]
        chance = gammaln(some + 1) - gammaln(j + 1) - gammaln(some - j + 1)
        chance += betaln(k + j, n - k + some - j) - betaln(k, n - k)
        figure[j:] -= (1 - j / k) * np.exp(chance)
    return figure


def _clipped(counts: Tensor, k: int) -> Values:
    values: Values = counts.double().div(k).clamp_max(1).numpy()
    return values


def _interval(values: Values) -> tuple[float, float]:
    """95% interval of the mean of values from 0 to 1, which vary at most as a share does."""
    return share_interval(float(values.sum()), len(values))
