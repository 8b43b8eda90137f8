"""Exact k-nearest-neighbour search by blocked matrix products.

``|q - p|^2 = |q|^2 - 2 q.p + |p|^2``: the cross term of a block of queries with a block of points is one matrix
product, which runs near the arithmetic peak of any device. Only one block of the distance matrix exists at a
time, so memory is flat in both sizes. The k smallest are found on that expansion, which cancels for near
points: so all coordinates are taken from the mean of the first points added, and the distances of those found
are computed again from the differences.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.records import Neighbours
from .base import Index, Points, check_ids, check_k, check_points


class Exact(Index):
    """Exact search on the device of the points.

    Args:
        dim: dimensions of a point.
        block: rows of queries and of points whose distances are held at once.
    """

    name = "exact"

    def __init__(self, dim: int, *, block: int = 4096) -> None:
        self.dim = dim
        self.block = block
        self._origin = torch.zeros(dim)
        self._points = torch.empty(0, dim)
        self._norms = torch.empty(0)
        self._ids = torch.empty(0, dtype=torch.int64)
        self._next = 0

    def add(self, points: Points) -> Tensor:
        """Add points ``(n, dim)``.

        Raises:
            ValueError: wrong shape, NaN or infinity.
        """
        points = check_points(points, self.dim, "points")
        ids = torch.arange(self._next, self._next + len(points), device=points.device)
        self._next += len(points)
        keep = len(self) > 0
        if not keep and len(points):
            self._origin = points.mean(0)
        points = points - self._origin.to(points.device)
        self._points = torch.cat([self._points, points]) if keep else points
        self._norms = torch.cat([self._norms, points.pow(2).sum(1)]) if keep else points.pow(2).sum(1)
        self._ids = torch.cat([self._ids, ids]) if keep else ids
        return ids

    def remove(self, ids: Tensor) -> None:
        """Remove points.

        Raises:
            KeyError: an id that is not in the index.
        """
        ids = check_ids(ids)
        gone = torch.isin(self._ids, ids.to(self._ids.device))
        if int(gone.sum()) != len(torch.unique(ids)):
            raise KeyError("remove() was given ids that are not in the index")
        self._points, self._norms, self._ids = self._points[~gone], self._norms[~gone], self._ids[~gone]

    def clear(self) -> None:
        self._points, self._norms, self._ids = self._points[:0], self._norms[:0], self._ids[:0]

    def __len__(self) -> int:
        return self._points.shape[0]

    @property
    def nbytes(self) -> int:
        return self._norms.nbytes + self._ids.nbytes + self._origin.nbytes

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """The ``k`` nearest points of each query ``(q, dim)``; ids -1 and distances inf beyond ``len(self)``.

        Raises:
            ValueError: wrong shape, NaN or infinity, or ``k < 1``.
        """
        queries = check_points(queries, self.dim, "queries")
        check_k(k)
        queries = queries - self._origin.to(queries.device)
        ids = torch.full((len(queries), k), -1, dtype=torch.int64, device=queries.device)
        distances = torch.full((len(queries), k), torch.inf, device=queries.device)
        found = min(k, len(self))
        for start in range(0, len(queries), self.block) if found else ():
            part = slice(start, start + self.block)
            rows = self._nearest_rows(queries[part], found)
            exact = (queries[part, None] - self._points[rows]).norm(dim=2)
            exact, order = exact.sort(dim=1, stable=True)
            distances[part, :found] = exact
            ids[part, :found] = self._ids[rows.gather(1, order)]
        return Neighbours(ids, distances, len(queries) * len(self))

    def _nearest_rows(self, queries: Tensor, k: int) -> Tensor:
        """Row numbers of the k nearest points of each query, ``(q, k)``, merged over blocks of points."""
        best = torch.empty(len(queries), 0, device=queries.device)
        rows = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
        for start in range(0, len(self), self.block):
            part = slice(start, start + self.block)
            # |q|^2 is the same for all points and left out
            partial = torch.addmm(self._norms[part], queries, self._points[part].T, alpha=-2)
            value, column = partial.min(1, keepdim=True) if k == 1 else partial.topk(min(k, partial.shape[1]), 1, False)
            best, rows = torch.cat([best, value], 1), torch.cat([rows, column + start], 1)
            if best.shape[1] > k:
                best, order = best.topk(k, 1, largest=False)
                rows = rows.gather(1, order)
        return rows
