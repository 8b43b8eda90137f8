"""Exact k-nearest-neighbour search by blocked matrix products.

``|q - p|^2 = |q|^2 - 2 q.p + |p|^2``: the cross term of a block of queries with a block of points is one matrix
product, which runs near the arithmetic peak of any device. Only one block of the distance matrix exists at a
time, and only one block of each side on the device that computes, so memory is flat in both sizes. The k smallest are
found on that expansion, which cancels for near points: so queries and norms are taken from the mean of the first points
added, and the distances of those found are computed again from the differences.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..core.records import Neighbours
from .base import Index, Points, check_finite, check_ids, check_k, check_points

ROWS = 512  # whose differences from the origin fit into a processor's cache
ORIGIN = 1_000  # points that decide it
SPARE = 12  # candidates beyond 4 k that a product in bfloat16 is asked for, to be ranked again in float32
RANKED = 2**24  # differences computed at once


class Exact(Index):
    """Exact search on any device.

    Args:
        dim: dimensions of a point.
        block: rows of queries and of points whose distances are held at once.
        precision: of the products. ``"bfloat16"`` ranks by products of 8 bits of mantissa and again, among 4 k + 12,
            in float32: faster where the processor has such instructions, and exact but for rare ties of neighbours.
        device: where products are computed, block by block; by default where the points are.

    Attributes:
        following: the id of the next point that is added.
    """

    name = "exact"
    streams = True

    def __init__(
        self,
        dim: int,
        *,
        block: int = 4096,
        precision: Literal["float32", "bfloat16"] = "float32",
        device: str | None = None,
    ) -> None:
        self.dim = dim
        self.block = block
        self.precision = getattr(torch, precision)
        self.device = device
        self._origin = torch.zeros(dim)
        self._points: list[Tensor] = []
        self._norms = torch.empty(0)
        self._ids = torch.empty(0, dtype=torch.int64)
        self.following = 0

    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """See :meth:`Index.add`."""
        points = check_points(points, self.dim, "points")
        ids = torch.arange(self.following, self.following + len(points))
        if len(points) == 0:
            return ids
        self.restore(points if borrow else points.clone(), ids, following=self.following + len(points))
        return ids.to(points.device)

    def restore(self, points: Tensor, ids: Tensor, *, following: int) -> None:
        """Take over points of another index with the ids that they have there.

        Args:
            points: float32 ``(n, dim)``; borrowed.
            ids: int64 ``(n,)``, ascending, all above those given here so far.
            following: the id of the next point that is added.

        Raises:
            ValueError: NaN or infinity; nothing is added then.
        """
        if len(points):
            origin = self._origin.to(points.device) if len(self) else points[:: -(-len(points) // ORIGIN)].mean(0)
            norms = torch.cat([(some - origin).square().sum(1) for some in torch.split(points, ROWS)])
            check_finite(norms, "points")
            self._origin = origin
            self._points.append(points)
            self._norms = torch.cat([self._norms.to(norms.device), norms])
            self._ids = torch.cat([self._ids, ids])
        self.following = following

    def remove(self, ids: Tensor) -> None:
        """See :meth:`Index.remove`."""
        ids = check_ids(ids).cpu()
        gone = torch.isin(self._ids, ids)
        if int(gone.sum()) != len(torch.unique(ids)):
            raise KeyError("remove() was given ids that are not in the index")
        stay = ~gone
        parts = torch.split(stay, [len(part) for part in self._points])
        self._points = [part[keep.to(part.device)] for part, keep in zip(self._points, parts, strict=True)]
        self._norms, self._ids = self._norms[stay.to(self._norms.device)], self._ids[stay]

    def clear(self) -> None:
        self._points, self._norms, self._ids = [], self._norms[:0], self._ids[:0]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        return self._norms.nbytes + self._ids.nbytes + self._origin.nbytes

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """See :meth:`Index.query`; on the device of the queries."""
        queries = check_points(queries, self.dim, "queries")
        check_k(k)
        check_finite(queries, "queries")
        ids = torch.full((len(queries), k), -1, dtype=torch.int64, device=queries.device)
        distances = torch.full((len(queries), k), torch.inf, device=queries.device)
        found = min(k, len(self))
        for start in range(0, len(queries), self.block) if found else ():
            part = slice(start, start + self.block)
            here = queries[part].to(self.device or self._origin.device)
            rows = self._nearest_rows(here - self._origin.to(here.device), self._listed(found))
            exact, rows = self._ranked(here, rows, found)
            distances[part, :found] = exact.to(queries.device)
            ids[part, :found] = self._ids[rows.cpu()].to(queries.device)
        return Neighbours(ids, distances, len(queries) * len(self))

    def all_points(self) -> tuple[Tensor, Tensor]:
        """The points ``(n, dim)``, without a copy if they were added at once, and their ids ``(n,)``."""
        points = self._points[0] if len(self._points) == 1 else torch.cat([torch.empty(0, self.dim), *self._points])
        return points, self._ids

    def _listed(self, k: int) -> int:
        """How many candidates the product must name for the k nearest to be among them."""
        return k if self.precision == torch.float32 else min(4 * k + SPARE, len(self))

    def _nearest_rows(self, queries: Tensor, k: int) -> Tensor:
        """Row numbers of the k points nearest by the products, ``(q, k)``, merged over blocks of points."""
        best = torch.empty(len(queries), 0, device=queries.device)
        rows = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
        scaled = (-2 * queries).to(self.precision)
        first = 0
        for block in (block for points in self._points for block in torch.split(points, self.block)):
            norms = self._norms[first : first + len(block)].to(queries.device)
            # |q|^2 is the same for all points and left out
            partial = self._products(scaled, block.to(queries.device), norms)
            value, column = partial.min(1, keepdim=True) if k == 1 else partial.topk(min(k, partial.shape[1]), 1, False)
            best, rows = torch.cat([best, value], 1), torch.cat([rows, column + first], 1)
            if best.shape[1] > k:
                best, order = best.topk(k, 1, largest=False)
                rows = rows.gather(1, order)
            first += len(block)
        return rows

    def _products(self, scaled: Tensor, points: Tensor, norms: Tensor) -> Tensor:
        if self.precision == torch.float32:
            return torch.addmm(norms, scaled, points.T)
        return (scaled @ (points - self._origin.to(points.device)).to(self.precision).T).float() + norms

    def _ranked(self, queries: Tensor, rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Distances of the k nearest of the listed rows ``(q, listed)``, from differences, and their rows."""
        exact = torch.empty(rows.shape, device=queries.device)
        step = max(1, RANKED // (rows.shape[1] * self.dim))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            exact[part] = (queries[part, None] - self._gathered(rows[part]).to(queries.device)).norm(dim=2)
        exact, order = exact.sort(dim=1, stable=True)
        return exact[:, :k], rows.gather(1, order)[:, :k]

    def _gathered(self, rows: Tensor) -> Tensor:
        """The points in these rows, ``(..., dim)``."""
        if len(self._points) == 1:
            return self._points[0][rows.to(self._points[0].device)]
        gathered = torch.empty(*rows.shape, self.dim, device=rows.device)
        first = 0
        for points in self._points:
            here = (rows >= first) & (rows < first + len(points))
            gathered[here] = points[(rows[here] - first).to(points.device)].to(rows.device)
            first += len(points)
        return gathered
