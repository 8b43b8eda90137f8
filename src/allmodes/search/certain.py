r"""The neighbours that float64 finds, for the price of products in float32.

1. Products yield lower bounds of all distances (see :mod:`.frame`). The few points of least bounds are kept.
2. Their distances are computed again from differences in float64.
3. The k nearest of them are certain if the k-th is nearer than the bounds of all points that were left out.
4. Queries of which that is not so are asked again, with products in float64, and every point that these bounds do not
   exclude is compared by differences.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import pad

from .base import check_finite
from .differences import compared, pair_squares
from .frame import CENTRED, MOST, TINY, Frame, Placed, Precise, Slack, squared_norms, within_reach

BLOCK = 4_096  # rows of points and of queries that are looked at together
CHUNK = 1_024  # queries whose distances to a block stay in a processor's cache
SPARE = 2  # points beyond k that are kept
ROUGH = 4  # points beyond k that are looked at first where products are rough
SPARSE = 0.02  # share of pairs up to which their differences cost less than better bounds
ERROR = 0.01  # relative, of squared distances by products alone


class Cloud:
    """Points and the frame in which their products are taken.

    Args:
        centred: the mean's square over the variance from which products are taken from the mean.

    Attributes:
        parts: the points as they were added, ``(n, D)``, float32 or float64.
        norms: their squared norms in the frame, for each part.
        frame: see :class:`Frame`.
    """

    def __init__(self, centred: float = CENTRED) -> None:
        self.centred = centred
        self.parts: list[Tensor] = []
        self.norms: list[Tensor] = []
        self.frame = Frame()
        self._framed = 0  # points by which the frame was chosen
        self._typical = 0.0

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def add(self, points: Tensor) -> None:
        """Add points ``(n, D)``, which must not change afterwards.

        Raises:
            ValueError: NaN or infinity; nothing is added then.
        """
        if len(points) == 0:
            return
        parts, norms = [*self.parts, points], [*self.norms]
        if sum(map(len, parts)) < 2 * self._framed:
            norms.append(self.frame.norms(points))
        if len(norms) < len(parts) or not within_reach(norms):
            self.frame, norms = Frame.around(parts, centred=self.centred)
            self._framed = sum(map(len, parts))
        self.parts, self.norms = parts, norms
        self._typical = float(torch.cat([some.to(points.device) for some in norms]).median())

    def keep(self, stay: Tensor) -> None:
        """Forget all points but these, bool ``(n,)``."""
        chosen = [some.to(part.device) for some, part in zip(torch.split(stay, self._sizes()), self.parts, strict=True)]
        self.norms = [norms[some] for norms, some in zip(self.norms, chosen, strict=True) if some.any()]
        self.parts = [part[some] for part, some in zip(self.parts, chosen, strict=True) if some.any()]
        self._framed = min(self._framed, len(self))

    def _sizes(self) -> list[int]:
        return [len(part) for part in self.parts]

    @property
    def nbytes(self) -> int:
        """Bytes beyond the points."""
        return sum(norms.nbytes for norms in self.norms) + (
            0 if self.frame.origin is None else self.frame.origin.nbytes
        )

    def nearest(
        self, queries: Tensor, k: int, *, block: int = BLOCK, kind: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """The k nearest points of each query, on the device of the queries.

        Args:
            queries: ``(q, D)``, as the points.
            k: at most the number of points.
            block: rows of either side whose distances are held at once.
            kind: of the first products: float32 or bfloat16.

        Returns:
            Distances, float64 ``(q, k)``, ascending, and rows of the points.

        Raises:
            ValueError: NaN or infinity.
        """
        with Precise(queries.device):
            kept = self._kept(queries, k, block, kind)
            squares, rows = self.settled(queries, kept, k, block, kind)
        return squares.sqrt(), rows

    def _kept(self, queries: Tensor, k: int, block: int, kind: torch.dtype) -> Kept:
        """The points of least lower bounds."""
        count = 4 * k + 12 if kind == torch.bfloat16 else k + SPARE
        kept = Kept(len(queries), min(count, len(self)), queries.device)
        placed = self.frame.placed(queries)
        norms = squared_norms(placed)
        if not torch.isfinite(norms).all():
            check_finite(queries, "queries")
        ratio = (self._typical / max(float(norms.median()), TINY)) ** 0.5
        slack = Slack.of(queries.shape[1], kind, min(max(ratio, 1e-6), 1e6))
        held = torch.empty(min(CHUNK, len(queries)) * block, device=queries.device)
        for first, points, squares in self.blocks(block, queries.device):
            here, shrunk = self.frame.placed(points), (1 - slack.point) * squares
            for start in range(0, len(queries), CHUNK):
                some = placed[start : start + CHUNK]
                bounds = held[: len(some) * len(points)].view(len(some), len(points))
                if kind == torch.bfloat16:
                    torch.add(shrunk, (some.to(kind) @ here.to(kind).T).float(), alpha=-2, out=bounds)
                else:
                    torch.addmm(shrunk, some, here.T, alpha=-2, out=bounds)
                kept.see(slice(start, start + len(some)), bounds, first)
        # beyond, products may have overflowed
        kept.values += torch.where(norms < MOST, (1 - slack.query) * norms - TINY, -torch.inf)[:, None]
        return kept

    def settled(
        self, queries: Tensor, kept: Kept, k: int, block: int = BLOCK, kind: torch.dtype = torch.float32
    ) -> tuple[Tensor, Tensor]:
        """The k nearest of those kept where they are certain, of all points elsewhere: squares and rows ``(q, k)``."""
        first = min(k + ROUGH if kind == torch.bfloat16 else k, kept.rows.shape[1] - 1)
        squares, rows = self._ranked(queries, kept.rows[:, : max(first, k)], k)
        if k == len(self) or not len(doubt := self._doubtful(squares[:, -1], kept.values[:, first])):
            return squares, rows
        again, bounds = queries[doubt], kept.values[doubt, -1]
        squares[doubt], rows[doubt] = near, _ = self._ranked(again, kept.rows[doubt], k)
        still = self._doubtful(near[:, -1], bounds) if kept.rows.shape[1] < len(self) else doubt[:0]
        if not len(still):
            return squares, rows
        if kind == torch.bfloat16:
            found = self.settled(again[still], self._kept(again[still], k, block, torch.float32), k, block)
        else:
            found = self._compared(again[still], near[still, -1], k, block)
        squares[doubt[still]], rows[doubt[still]] = found
        return squares, rows

    def _doubtful(self, squares: Tensor, bounds: Tensor) -> Tensor:
        """Which k-th squares ``(q,)`` are not certainly below the bounds ``(q,)`` of all other points."""
        return (~((squares * self.frame.scale**2 < bounds) | (squares == 0))).nonzero()[:, 0]

    def _ranked(self, queries: Tensor, rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Squares and rows ``(q, k)`` of the k nearest of the points in ``rows`` ``(q, c)``."""
        squares = pair_squares(self.gathered, rows, queries.__getitem__)
        squares, order = squares.sort(dim=1, stable=True)
        return squares[:, :k], rows.gather(1, order[:, :k])

    def _compared(self, queries: Tensor, most: Tensor, k: int, block: int) -> tuple[Tensor, Tensor]:
        """Squares and rows ``(q, k)`` of the k nearest of all points that may be as near as ``most`` ``(q,)``."""
        squares = torch.full((len(queries), k), torch.inf, dtype=torch.float64, device=queries.device)
        rows = torch.zeros(squares.shape, dtype=torch.int64, device=queries.device)
        for first, points, norms in self.blocks(block, queries.device):
            here = Placed(self.frame.placed(points), norms)
            for start in range(0, len(queries), CHUNK):
                part = slice(start, start + CHUNK)
                limit = most[part, None]
                bounds = Placed.of(self.frame.placed(queries[part])).bounds(here)
                near = ~(bounds > (limit * self.frame.scale**2 * (1 + 1e-6)).float())
                if float(near.double().mean()) > SPARSE:
                    pair = (Placed.of(self.frame.moved(some)) for some in (queries[part], points))
                    near = next(pair).bounds(next(pair)) <= limit
                found = compared(queries[part], points, near)
                value, column = found.topk(min(k, len(points)), 1, largest=False)
                squares[part], order = torch.cat([squares[part], value], 1).topk(k, 1, largest=False)
                rows[part] = torch.cat([rows[part], column + first], 1).gather(1, order)
                most[part] = torch.minimum(most[part], squares[part, -1])
        return squares, rows

    def blocks(self, size: int, device: torch.device) -> Iterator[tuple[int, Tensor, Tensor]]:
        """First row, points ``(size, D)`` and squared norms ``(size,)`` of blocks of the points, on a device."""
        first = 0
        for part, norms in zip(self.parts, self.norms, strict=True):
            for points, squares in zip(part.split(size), norms.split(size), strict=True):  # type: ignore[no-untyped-call]
                yield first, points.to(device), squares.to(device)
                first += len(points)

    def gathered(self, rows: Tensor) -> Tensor:
        """The points in these rows ``(n,)``, ``(n, D)``."""
        if len(self.parts) == 1:
            return self.parts[0][rows.to(self.parts[0].device)]
        gathered = self.parts[0].new_empty(len(rows), self.parts[0].shape[1], device=rows.device)
        first = 0
        for part in self.parts:
            here = (rows >= first) & (rows < first + len(part))
            gathered[here] = part[(rows[here] - first).to(part.device)].to(rows.device)
            first += len(part)
        return gathered


def near_squares(queries: Tensor, points: Tensor) -> Tensor:
    """Squared distances of all pairs, float32 ``(q, p)``, in a unit in which they fit into float32.

    None is wrong by more than a hundredth of itself: what products leave more open is computed from differences.
    """
    frame, _ = Frame.around([points, queries])
    squares = torch.empty(len(queries), len(points), device=queries.device)
    with Precise(queries.device):
        theirs = Placed.of(frame.placed(points))
        for start in range(0, len(queries), CHUNK):
            some = queries[start : start + CHUNK]
            bounds = (ours := Placed.of(frame.placed(some))).bounds(theirs)
            slack = (ours.slack + TINY)[:, None] + theirs.slack + TINY
            found = torch.add(bounds, slack, alpha=0.5, out=squares[start : start + CHUNK])
            if (doubtful := slack > bounds * ERROR).any():
                exact = compared(some, points, doubtful)[doubtful] * frame.scale**2
                found[doubtful] = exact.float()
    return squares


class Kept:
    """The points of least lower bounds that were seen so far.

    Args:
        queries: how many.
        count: points kept for each.
        device: where.

    Attributes:
        values: lower bounds, ascending, inf where fewer points were seen, float32 ``(queries, count)``.
        rows: of the points, int64 ``(queries, count)``.
    """

    def __init__(self, queries: int, count: int, device: torch.device) -> None:
        self.values = torch.full((queries, count), torch.inf, device=device)
        self.rows = torch.zeros((queries, count), dtype=torch.int64, device=device)

    def see(self, queries: slice, bounds: Tensor, first: int, axis: int = 1) -> None:
        """Look at a block of lower bounds.

        Args:
            queries: which.
            bounds: ``(queries, points)``, or ``(points, queries)`` if the axis of the points is 0.
            first: row of the first of these points.
            axis: of the points.
        """
        values, columns = least(bounds, self.values.shape[1], axis)
        values = torch.cat([self.values[queries], values], 1)
        self.values[queries], order = values.topk(self.values.shape[1], 1, largest=False)
        self.rows[queries] = torch.cat([self.rows[queries], columns + first], 1).gather(1, order)


def least(values: Tensor, count: int, axis: int = 1) -> tuple[Tensor, Tensor]:
    """The least along an axis, at most ``count``, and where they are; one row for each place on the other axis.

    They lie in as many groups of places, those with the least minima: most values are looked at once, in passing.
    """
    size = values.shape[axis]
    count = min(count, size)
    members = 1 << min(4, (size // (64 * count)).bit_length() - 1) if size >= 128 * count else 1
    if members == 1:
        return torch.topk(values if axis else values.T, count, 1, largest=False)
    if rest := -size % members:
        values = pad(values, (0, rest) if axis else (0, 0, 0, rest), value=torch.inf)
    groups = values.shape[axis] // members
    minima = torch.unflatten(values, axis, (members, groups)).amin(axis)
    group = (minima if axis else minima.T).topk(count, 1, largest=False).indices
    places = (group[:, :, None] + groups * torch.arange(members, device=values.device)).flatten(1)
    found, order = (values if axis else values.T).gather(1, places).topk(count, 1, largest=False)
    return found, places.gather(1, order)
