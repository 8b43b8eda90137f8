r"""Balls around points, as wide as the way to their k-th nearest neighbour: a set's support, estimated from it.

Every metric that asks which points lie in which balls asks here. Distances come from blocks of matrix products, of
centred points so that nothing cancels: memory grows with neither set but linearly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from scipy.stats import beta
from torch import Tensor

from ..search import Exact

BLOCK = 2_048
ROUNDING = 1e-6  # of the squared norms: what an expanded squared distance may be wrong by


@dataclass(frozen=True)
class Features:
    """Two sets of features with a common origin.

    Args:
        real: float32 ``(n, D)``.
        fake: float32 ``(m, D)``.
    """

    real: Tensor
    fake: Tensor

    @classmethod
    def of(cls, real: ArrayLike, fake: ArrayLike, *, least: int = 2) -> Features:
        """Check and centre.

        Args:
            real: ``(n, D)``.
            fake: ``(m, D)``.
            least: rows that each must have.

        Raises:
            ValueError: too few rows, other shapes, different dimensions, NaN or infinity.
        """
        first, second = (torch.as_tensor(rows).detach().to("cpu", torch.float32) for rows in (real, fake))
        if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
            raise ValueError(f"need features (n, D) of equal D, not {tuple(first.shape)} and {tuple(second.shape)}")
        if min(len(first), len(second)) < least:
            raise ValueError(f"need at least {least} examples of both, not {len(first)} and {len(second)}")
        if not (torch.isfinite(first).all() and torch.isfinite(second).all()):
            raise ValueError("features contain NaN or infinity")
        return cls(first - first.mean(0), second - first.mean(0))


def radii(points: Tensor, k: int) -> Tensor:
    """Distance of each point ``(n, D)`` to its k-th nearest other point, ``(n,)``."""
    index = Exact(points.shape[1])
    index.add(points, borrow=True)
    return index.query(points, k + 1).distances[:, -1]


def containing(points: Tensor, centres: Tensor, radius: Tensor) -> Tensor:
    """How many of the balls contain each point.

    Args:
        points: ``(q, D)``.
        centres: ``(n, D)``.
        radius: ``(n,)``; the ball's edge belongs to it.

    Returns:
        int64 ``(q,)``.
    """
    counts = torch.zeros(len(points), dtype=torch.int64)
    for rows, columns, squared in squared_distances(points, centres):
        here, there, reach = points[rows], centres[columns], radius[columns]
        excess = squared - reach.pow(2)
        unsure = excess.abs() <= ROUNDING * (here.pow(2).sum(1)[:, None] + there.pow(2).sum(1))
        inside = excess <= 0
        q, p = unsure.nonzero(as_tuple=True)  # too near to the edge for float32: from differences
        inside[q, p] = (here[q].double() - there[p].double()).norm(dim=1) <= reach[p].double()
        counts[rows] += inside.sum(1)
    return counts


def squared_distances(points: Tensor, others: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Blocks of squared distances: rows of ``points``, rows of ``others``, and ``(rows, others)``."""
    norms, other_norms = points.pow(2).sum(1), others.pow(2).sum(1)
    for start in range(0, len(points), BLOCK):
        rows = slice(start, start + BLOCK)
        for first in range(0, len(others), BLOCK):
            columns = slice(first, first + BLOCK)
            product = torch.addmm(other_norms[columns], points[rows], others[columns].T, alpha=-2)
            yield rows, columns, product.add_(norms[rows, None]).clamp_(min=0)


def share_interval(count: float, total: int) -> tuple[float, float]:
    """95% interval of a share, never too narrow (Clopper & Pearson 1934)."""
    low = float(beta.ppf(0.025, count, total - count + 1)) if count > 0 else 0.0
    high = float(beta.ppf(0.975, count + 1, total - count)) if count < total else 1.0
    return low, high
