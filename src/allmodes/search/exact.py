"""Exact k-nearest-neighbour search by blocked matrix products.

The neighbours are those that float64 finds, up to ties, whatever the offset, the scale and the spread of the points
(see :mod:`.certain`). Only one block of the distance matrix exists at a time, and only one block of each side on the
device that computes, so memory is flat in both sizes.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..core.records import Neighbours
from .base import Index, Points, check_count, check_finite, check_ids, check_points, check_request
from .certain import Cloud

PRECISIONS = ("float32", "bfloat16")
MANY = 4_096  # neighbours of each of a block's queries that are held at once


class Exact(Index):
    """Exact search on any device.

    Args:
        dim: dimensions of a point.
        block: rows of queries and of points whose distances are held at once.
        precision: of the first products. With ``"bfloat16"`` 4 k + 12 points are kept for each query, and queries of
            which the answer is not certain yet are asked again in float32: as exact, and faster where the processor
            has such instructions and neighbours differ by more than they round.
        device: where products are computed, block by block; by default where the points are.

    Raises:
        ValueError: a ``dim`` or ``block`` that is no whole number of at least 1, or another precision.

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
        check_count(dim, "dim")
        check_count(block, "block")
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
        self.dim = dim
        self.block = block
        self.precision = getattr(torch, precision)
        self.device = device
        self._cloud = Cloud()
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
        self._cloud.add(points)
        self._ids = torch.cat([self._ids, ids])
        self.following = following

    def remove(self, ids: Tensor) -> None:
        """See :meth:`Index.remove`."""
        ids = check_ids(ids).cpu()
        gone = torch.isin(self._ids, ids)
        if int(gone.sum()) != len(torch.unique(ids)):
            raise KeyError("remove() was given ids that are not in the index")
        self._cloud.keep(~gone)
        self._ids = self._ids[~gone]

    def clear(self) -> None:
        self._cloud, self._ids = Cloud(), self._ids[:0]

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def nbytes(self) -> int:
        return self._cloud.nbytes + self._ids.nbytes

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """See :meth:`Index.query`; on the device of the queries."""
        queries = check_points(queries, self.dim, "queries")
        check_request(len(queries), k)
        if len(self) == 0:
            check_finite(queries, "queries")
        ids = torch.full((len(queries), k), -1, dtype=torch.int64, device=queries.device)
        distances = torch.full((len(queries), k), torch.inf, device=queries.device)
        found = min(k, len(self))
        step = max(1, min(self.block, self.block * MANY // max(found, 1)))
        for start in range(0, len(queries), step) if found else ():
            part = slice(start, start + step)
            here = queries[part].to(self.device or self._cloud.parts[0].device)
            near, rows = self._cloud.nearest(here, found, block=self.block, kind=self.precision)
            distances[part, :found] = near.to(queries.device, torch.float32)
            ids[part, :found] = self._ids[rows.cpu()].to(queries.device)
        return Neighbours(ids, distances, len(queries) * len(self))

    def all_points(self) -> tuple[Tensor, Tensor]:
        """The points ``(n, dim)``, without a copy if they were added at once, and their ids ``(n,)``."""
        parts = self._cloud.parts
        return parts[0] if len(parts) == 1 else torch.cat([torch.empty(0, self.dim), *parts]), self._ids
