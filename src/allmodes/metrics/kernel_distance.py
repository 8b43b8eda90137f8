r"""Kernel distance: squared maximum mean discrepancy with a cubic kernel (Binkowski et al. 2018; "KID" in Inception).

.. math:: \widehat{MMD}{}^2 = \frac{\sum_{i \ne j} k(x_i, x_j)}{n (n - 1)}
          + \frac{\sum_{i \ne j} k(y_i, y_j)}{m (m - 1)} - \frac{2}{n m} \sum_{i, j} k(x_i, y_j),
          \qquad k(a, b) = (a \cdot b / D + 1)^3

Unbiased at any sample size, so values of different sizes may be compared, and values a little below 0 are right.
All pairs are used, never subsets. It averages over the data: a small part that is missing hardly moves it. The kernel
has an origin and a unit, so the figure depends on both: features moved or scaled give another one.
"""

from __future__ import annotations

import math

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..core.records import Score
from .usable import usable_pair

BLOCK = 2_048


def kernel_distance(real: ArrayLike, fake: ArrayLike) -> Score:
    """Unbiased squared kernel distance.

    Args:
        real: ``(n, D)``, as the feature network gives them (not centred).
        fake: ``(m, D)``.

    Returns:
        Score; the interval is normal, from the spread of each example's mean kernel (Hoeffding's projection).

    Raises:
        ValueError: fewer than two examples of either, NaN, different dimensions, or features whose kernel (their sixth
            power) is more than float64 holds.
    """
    first, second = (rows.double() for rows in usable_pair(real, fake))
    n, m = len(first), len(second)
    own, other = _own_sums(first) / (n - 1), _own_sums(second) / (m - 1)
    across, back = (sums / count for sums, count in zip(_sums(first, second), (m, n), strict=True))
    value = float(own.mean() + other.mean() - 2 * across.mean())
    error = 1.96 * 2 * math.hypot(_deviation(own - across) / n**0.5, _deviation(other - back) / m**0.5)
    if not math.isfinite(value):
        raise ValueError("real and fake: the cubic kernel of features so large is more than float64 holds: scale them")
    return Score("kernel_distance", value, (value - error, value + error), n, m, {"kernel": "(a.b / D + 1)^3"})


def _deviation(values: Tensor) -> float:
    """Standard deviation of ``(n,)``, also where squares are out of range."""
    largest = float(values.abs().max())
    return largest * float((values / largest).std()) if largest else 0.0


def _sums(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the kernel of each point with all others, ``(n,)``, and of each of those with all points, ``(m,)``."""
    sums = torch.zeros(len(points), dtype=torch.float64), torch.zeros(len(others), dtype=torch.float64)
    for rows in _blocks(points):
        for columns in _blocks(others):
            kernel = _kernel(points[rows], others[columns])
            sums[0][rows] += kernel.sum(1)
            sums[1][columns] += kernel.sum(0)
    return sums


def _own_sums(points: Tensor) -> Tensor:
    """Sum of the kernel of each point with all others of its set, ``(n,)``; each pair of blocks is multiplied once."""
    sums = -(points.pow(2).sum(1) / points.shape[1] + 1).pow(3)  # without itself
    blocks = _blocks(points)
    for number, rows in enumerate(blocks):
        for columns in blocks[number:]:
            kernel = _kernel(points[rows], points[columns])
            sums[rows] += kernel.sum(1)
            if rows != columns:
                sums[columns] += kernel.sum(0)
    return sums


def _kernel(points: Tensor, others: Tensor) -> Tensor:
    return (points @ others.T).div_(points.shape[1]).add_(1).pow_(3)


def _blocks(points: Tensor) -> list[slice]:
    return [slice(first, first + BLOCK) for first in range(0, len(points), BLOCK)]
