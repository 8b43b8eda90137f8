r"""Balls around points, as wide as the way to their k-th nearest neighbour: a set's support, estimated from it.

Every metric that asks which points lie in which balls asks here. Distances come from blocks of matrix products, of
centred points so that nothing cancels: memory grows with neither set but linearly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from scipy.stats import beta
from torch import Tensor

from .usable import usable_count, usable_pair

BLOCK = 2_048
PAIRS = 2**22  # numbers in differences that are computed at once
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
    def of(
        cls,
        real: ArrayLike,
        fake: ArrayLike,
        sides: tuple[str, str] = ("real", "fake"),
        *,
        least: int = 2,
        k: int | None = None,
    ) -> Features:
        """Check, as :func:`.usable.usable_pair` does, and centre; arguments as there.

        Raises:
            ValueError: too few rows, other shapes, different dimensions, NaN or infinity.
        """
        first, second = usable_pair(real, fake, sides, least=least, k=k)
        origin = first.mean(0, dtype=torch.float64).to(first.dtype)
        return cls((first - origin).float(), (second - origin).float())


@dataclass(frozen=True)
class Crossing:
    """How the balls of two sets contain each other's points.

    Args:
        real: radii of the real examples, ``(n,)``.
        around_fake: real balls that contain each sample, int64 ``(m,)``.
        around_real: samples' balls that contain each real example, int64 ``(n,)``; None where it was not asked for.
        nearest: distance of each real example to the nearest sample, ``(n,)``.
        k: neighbours that decide a ball.
    """

    real: Tensor
    around_fake: Tensor
    around_real: Tensor | None
    nearest: Tensor
    k: int

    @classmethod
    def of(cls, real: ArrayLike, fake: ArrayLike, k: int, *, samples: bool = True) -> Crossing:
        """From features ``(n, D)`` and ``(m, D)``, in one pass over all pairs.

        Args:
            real: ``(n, D)``.
            fake: ``(m, D)``.
            k: neighbours that decide a ball.
            samples: whether the samples' own balls are asked for; they cost as much as those of the data.

        Raises:
            ValueError: not more than ``k`` examples of either, NaN, or different dimensions.
        """
        return cls.several(real, fake, (k,), samples=samples)[0]

    @classmethod
    def several(cls, real: ArrayLike, fake: ArrayLike, ks: Sequence[int], *, samples: bool = True) -> list[Crossing]:
        """One for each of several ``ks``, in one pass over all pairs; arguments as in :meth:`of`."""
        for k in ks:
            usable_count(k, "k")
        both = Features.of(real, fake, k=max(ks))
        ours = neighbour_distances(both.real, max(ks))
        theirs = neighbour_distances(both.fake, max(ks)) if samples else None
        n, m = len(both.real), len(both.fake)
        around_fake, around_real = (torch.zeros(len(ks), size, dtype=torch.int64) for size in (m, n))
        nearest = torch.full((n,), torch.inf)
        for rows, columns, squared in squared_distances(both.real, both.fake):
            block = _Block(both.real[rows], both.fake[columns], squared)
            for place, k in enumerate(ks):
                around_fake[place, columns] += block.within(ours[rows, k - 1, None]).sum(0)
                if theirs is not None:
                    around_real[place, rows] += block.within(theirs[columns, k - 1]).sum(1)
            nearest[rows] = torch.minimum(nearest[rows], squared.min(1).values)
        nearest.sqrt_()
        return [
            cls(ours[:, k - 1], around_fake[place], around_real[place] if samples else None, nearest, k)
            for place, k in enumerate(ks)
        ]


def radii(points: Tensor, k: int) -> Tensor:
    """Distance of each point ``(n, D)`` to its k-th nearest other point, ``(n,)``."""
    return neighbour_distances(points, k)[:, -1]


def neighbour_distances(points: Tensor, k: int) -> Tensor:
    """Distances of each point ``(n, D)`` to its k nearest other points, ascending, ``(n, k)``.

    Every pair of blocks is multiplied once and looked at from both sides.
    """
    near = torch.full((len(points), k + 1), torch.inf)
    ids = torch.zeros(near.shape, dtype=torch.int64)
    for rows, columns, squared in squared_distances(points):
        _keep(near, ids, rows, columns, squared)
        if rows != columns:
            _keep(near, ids, columns, rows, squared.T.contiguous())
    step = max(1, PAIRS // near.shape[1] // points.shape[1])
    parts = zip(points.split(step), ids.split(step), strict=True)  # type: ignore[no-untyped-call]
    found = torch.cat([(some[:, None] - points[other]).norm(dim=2) for some, other in parts])
    return found.sort(dim=1).values[:, 1:]


def _keep(near: Tensor, ids: Tensor, rows: slice, columns: slice, squared: Tensor) -> None:
    """The nearest of those known, ``(n, k)``, and of a block of squared distances, in place."""
    k = near.shape[1]
    value, column = squared.topk(min(k, squared.shape[1]), dim=1, largest=False, sorted=False)
    value, column = torch.cat([near[rows], value], 1), torch.cat([ids[rows], column + columns.start], 1)
    near[rows], order = value.topk(k, dim=1, largest=False)
    ids[rows] = column.gather(1, order)


class _Block:
    """Squared distances ``(p, q)`` of points ``(p, D)`` and others ``(q, D)``, as wrong as float32 makes them."""

    def __init__(self, points: Tensor, others: Tensor, squared: Tensor) -> None:
        self.points, self.others, self.squared = points, others, squared
        self.norms = [side.pow(2).sum(1) for side in (points, others)]

    def within(self, radius: Tensor) -> Tensor:
        """Which pairs are not farther apart than a radius ``(p, 1)`` or ``(q,)``, bool ``(p, q)``."""
        excess = self.squared - radius.pow(2)
        inside = excess <= 0
        unsure = (excess.abs_() <= ROUNDING * (self.norms[0][:, None] + self.norms[1])).nonzero()
        for p, q in (some.T for some in torch.split(unsure, max(1, PAIRS // self.points.shape[1]))):
            exact = (self.points[p].double() - self.others[q].double()).norm(dim=1)
            inside[p, q] = exact <= radius.expand(self.squared.shape)[p, q].double()
        return inside


def squared_distances(points: Tensor, others: Tensor | None = None) -> Iterator[tuple[slice, slice, Tensor]]:
    """Blocks of squared distances: rows of ``points``, rows of ``others``, and ``(rows, others)``.

    Without ``others``, those among the points, each pair of blocks once.
    """
    own, others = others is None, points if others is None else others
    norms, other_norms = points.pow(2).sum(1), others.pow(2).sum(1)
    for start in range(0, len(points), BLOCK):
        rows = slice(start, min(start + BLOCK, len(points)))
        for first in range(start if own else 0, len(others), BLOCK):
            columns = slice(first, min(first + BLOCK, len(others)))
            product = torch.addmm(other_norms[columns], points[rows], others[columns].T, alpha=-2)
            yield rows, columns, product.add_(norms[rows, None]).clamp_(min=0)


def share_interval(count: float, total: int) -> tuple[float, float]:
    """95% interval of a share, never too narrow (Clopper & Pearson 1934)."""
    low = float(beta.ppf(0.025, count, total - count + 1)) if count > 0 else 0.0
    high = float(beta.ppf(0.975, count + 1, total - count)) if count < total else 1.0
    return low, high
