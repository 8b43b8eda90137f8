r"""Balls around points, as wide as the way to their k-th nearest neighbour: a set's support, estimated from it.

Every metric that asks which points lie in which balls asks here. Blocks of matrix products bound all distances from
below and above (see :mod:`allmodes.search.frame`), and what they leave open is computed from differences in
float64: answers are those of float64 at any offset, scale and spread. Memory grows with neither set but linearly.

A point on the edge of a ball is inside. So the density of a set of n different rows against itself is (k + 1) / k: each
of its points lies in the balls of itself and, on average, of k others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from scipy.stats import beta
from torch import Tensor

from ..core.processor import has_bfloat16
from ..search.certain import SPARE, Cloud, Kept
from ..search.differences import DENSE, compared, near_pairs_of
from ..search.frame import CENTRED, TINY, Frame, Placed, Precise
from .usable import usable_count, usable_pair

BLOCK = 2_048
WIDE = 512  # dimensions from which products take most of the time
TIE = 1e-12  # relative: squared distances of float64 that differ by less are equal


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
        real: radii of the real examples, float64 ``(n,)``.
        around_fake: real balls that contain each sample, int64 ``(m,)``.
        around_real: samples' balls that contain each real example, int64 ``(n,)``; None where it was not asked for.
        covered: whether any sample is in the ball of each real example, bool ``(n,)``.
        k: neighbours that decide a ball.
    """

    real: Tensor
    around_fake: Tensor
    around_real: Tensor | None
    covered: Tensor
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
        first, second = usable_pair(real, fake, k=max(ks))
        ours = neighbour_distances(first, max(ks))
        theirs = neighbour_distances(second, max(ks)) if samples else None
        n, m = len(first), len(second)
        around_fake, around_real = (torch.zeros(len(ks), size, dtype=torch.int64) for size in (m, n))
        covered = torch.zeros(len(ks), n, dtype=torch.bool)
        for rows, columns, block in _blocks(first, second):
            for place, k in enumerate(ks):
                inside = block.within(ours[rows, k - 1, None])
                around_fake[place, columns] += inside.sum(0)
                covered[place, rows] |= inside.any(1)
                if theirs is not None:
                    around_real[place, rows] += block.within(theirs[None, columns, k - 1]).sum(1)
        return [
            cls(ours[:, k - 1], around_fake[place], around_real[place] if samples else None, covered[place], k)
            for place, k in enumerate(ks)
        ]


def radii(points: Tensor, k: int) -> Tensor:
    """Distance of each point ``(n, D)`` to its k-th nearest other point, float64 ``(n,)``."""
    return neighbour_distances(points, k)[:, -1]


def neighbour_distances(points: Tensor, k: int) -> Tensor:
    """Distances of each point ``(n, D)`` to its k nearest other points, ascending, float64 ``(n, k)``.

    Every pair of blocks is multiplied once and looked at from both sides.
    """
    kind = _kind(points)
    cloud = Cloud(_centred(kind))
    cloud.add(points)
    count = 3 * k + 5 if kind == torch.bfloat16 else k + 1 + SPARE
    kept = Kept(len(points), min(count, len(points)), points.device)
    with Precise(points.device):
        for rows, columns, placed, others in _placed(cloud.frame, points, points):
            bounds = placed.bounds(others)
            kept.see(rows, bounds, columns.start)
            if rows != columns:
                kept.see(columns, bounds, rows.start, axis=0)
        squares, _ = cloud.settled(points, kept, k + 1, kind=kind)
    return squares.sqrt()[:, 1:]


def ball_counts(centres: Tensor, radius: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """How many of the points each ball holds, and how many balls hold each point, int64 ``(n,)`` and ``(m,)``.

    Args:
        centres: of the balls, ``(n, D)``.
        radius: of each, float64 ``(n,)``.
        points: ``(m, D)``; where they are the centres themselves, each is in its own ball.
    """
    held, around = (torch.zeros(len(side), dtype=torch.int64) for side in (centres, points))
    for rows, columns, block in _blocks(centres, points):
        inside = block.within(radius[rows, None])
        held[rows] += inside.sum(1)
        around[columns] += inside.sum(0)
        if centres is points and rows != columns:
            inside = block.within(radius[None, columns])
            held[columns] += inside.sum(0)
            around[rows] += inside.sum(1)
    return held, around


def near_pairs(points: Tensor, bound: float) -> int:
    """Pairs of different rows of ``points`` ``(n, D)`` that are not farther apart than the bound."""
    edge, found = torch.full((1, 1), bound, dtype=torch.float64), 0
    for rows, columns, block in _blocks(points, points):
        within = int(block.within(edge).sum())
        found += (within - len(points[rows])) // 2 if rows == columns else within  # each is near to itself
    return found


class _Block:
    """Which of the points ``(p, D)`` and others ``(q, D)`` are near each other, as float64 has it."""

    def __init__(self, frame: Frame, points: Tensor, others: Tensor, placed: Placed, other: Placed) -> None:
        self.points, self.others, self.scale = points, others, frame.scale
        self.bounds = placed.bounds(other)
        self.slack = float(placed.slack.max() + other.slack.max()) + 2 * TINY

    def within(self, radius: Tensor) -> Tensor:
        """Which pairs are not farther apart than a radius, float64 ``(p or 1, q or 1)``: bool ``(p, q)``."""
        squares = radius.square() * (1 + TIE)
        limit = (squares * self.scale**2).float() * (1 + 1e-6)  # rounded up
        near = self.bounds <= limit
        unsure = near ^ (self.bounds <= limit * (1 - 2e-6) - self.slack)
        rows, columns = unsure.nonzero(as_tuple=True)
        if len(rows) > DENSE * unsure.numel():
            return compared(self.points, self.others, unsure) <= squares
        most = squares.expand(near.shape)[rows, columns]
        near[rows, columns] = near_pairs_of(self.points, self.others, rows, columns, most)
        return near


def _blocks(points: Tensor, others: Tensor) -> Iterator[tuple[slice, slice, _Block]]:
    """All pairs, a block at a time: rows of ``points``, rows of ``others``, and what is known of their distances."""
    frame, _ = Frame.around([points, others], centred=_centred(_kind(points)))
    with Precise(points.device):
        for rows, columns, placed, other in _placed(frame, points, others):
            yield rows, columns, _Block(frame, points[rows], others[columns], placed, other)


def _placed(frame: Frame, points: Tensor, others: Tensor) -> Iterator[tuple[slice, slice, Placed, Placed]]:
    """Blocks of both sides in a frame; of one set with itself, each pair of blocks once."""
    kind = _kind(points)
    sides = [Placed.of(frame.placed(side), kind) for side in ((points,) if points is others else (points, others))]
    for start in range(0, len(points), BLOCK):
        rows = slice(start, min(start + BLOCK, len(points)))
        for first in range(start if points is others else 0, len(others), BLOCK):
            columns = slice(first, min(first + BLOCK, len(others)))
            yield rows, columns, sides[0][rows], sides[-1][columns]


def _kind(points: Tensor) -> torch.dtype:
    """Numbers that bounds are multiplied in: bfloat16 where its speed is worth what it leaves open."""
    return torch.bfloat16 if points.shape[1] >= WIDE and has_bfloat16() else torch.float32


def _centred(kind: torch.dtype) -> float:
    """Products of few digits are taken from the mean, wherever it is."""
    return 0.0 if kind == torch.bfloat16 else CENTRED


def share_interval(count: float, total: int, alpha: float = 0.05) -> tuple[float, float]:
    """1 - alpha interval of a share, never too narrow (Clopper & Pearson 1934)."""
    low = float(beta.ppf(alpha / 2, count, total - count + 1)) if count > 0 else 0.0
    high = float(beta.ppf(1 - alpha / 2, count + 1, total - count)) if count < total else 1.0
    return low, high
