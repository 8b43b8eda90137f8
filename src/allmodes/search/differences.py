"""Squared distances from differences: in float64, after which they count as exact, or in float32, which decides most.

From differences nothing cancels: a sum of D squares of float32 is wrong by at most (D + 10) half units in the last
place, of itself (Higham 2002, section 3.1), as long as no square is out of range.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

NUMBERS = 2**18  # differences computed at once
DENSE = 0.3  # share of pairs from which all pairs cost less than those
LEAST, MOST = 1e-25, 1e37  # squared distances between which no square of float32 that counts is out of range


def certainly(squares: Tensor, dim: int, *, above: Tensor | None = None, below: Tensor | None = None) -> Tensor:
    """Which squared distances ``(n,)`` of float32, from differences of so many numbers, surely lie beyond a limit.

    Args:
        squares: of float32.
        dim: numbers of a point.
        above: float64 ``(n,)``: those that are larger are asked for.
        below: the same: those that are not larger.
    """
    error, found = (dim + 10) * 2.0**-24, squares.double()
    known = (squares > LEAST) & (squares < MOST)
    if above is not None:
        return known & (found * (1 - error) > above)
    assert below is not None
    return known & (found * (1 + error) <= below)


def pair_squares(
    points: Callable[[Tensor], Tensor],
    rows: Tensor,
    queries: Callable[[slice], Tensor],
    kind: torch.dtype = torch.float64,
) -> Tensor:
    """Squared distances ``(q, c)``, from differences.

    Args:
        points: rows ``(n,)`` to points ``(n, D)``.
        rows: the points that each query is compared with, ``(q, c)``.
        queries: some of these q as ``(n, D)``.
        kind: of the differences and the squares: float64, or float32 for points of that kind.
    """
    squares = torch.empty(rows.shape, dtype=kind, device=rows.device)
    dim = queries(slice(0, 1)).shape[1]
    step = max(1, NUMBERS // (dim * rows.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        gaps = points(rows[part].flatten()).to(rows.device, kind).view(-1, rows.shape[1], dim)
        squares[part] = gaps.sub_(queries(part)[:, None]).square_().sum(2)
    return squares


def near_pairs_of(points: Tensor, others: Tensor, rows: Tensor, columns: Tensor, most: Tensor) -> Tensor:
    """Which pairs are not farther apart than the square roots of ``most``, as float64 has it, bool ``(p,)``.

    Args:
        points: ``(n, D)``.
        others: ``(m, D)``.
        rows: of the points, one for each pair, ``(p,)``.
        columns: of the others.
        most: squared distances, float64 ``(p,)``.
    """

    def squares(some: Tensor, kind: torch.dtype) -> Tensor:
        ours, theirs = rows[some], columns[some, None]
        return pair_squares(others.__getitem__, theirs, lambda part: points[ours[part]], kind)[:, 0]

    near = torch.empty(len(rows), dtype=torch.bool, device=rows.device)
    left = torch.arange(len(rows), device=rows.device)
    if points.dtype == others.dtype == torch.float32:
        rough, dim = squares(left, torch.float32), points.shape[1]
        near = certainly(rough, dim, below=most)
        left = (~near & ~certainly(rough, dim, above=most)).nonzero()[:, 0]
    near[left] = squares(left, torch.float64) <= most[left]
    return near


def compared(queries: Tensor, points: Tensor, wanted: Tensor) -> Tensor:
    """Squared distances, float64 ``(q, p)``, from differences where they are wanted; elsewhere they may be inf."""
    if float(wanted.double().mean()) > DENSE:
        exact = torch.cdist(queries.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
        return exact.square_()
    squares = torch.full(wanted.shape, torch.inf, dtype=torch.float64, device=queries.device)
    which, rows = wanted.nonzero(as_tuple=True)
    found = pair_squares(points.__getitem__, rows[:, None], lambda part: queries[which[part]])
    squares[which, rows] = found[:, 0]
    return squares
