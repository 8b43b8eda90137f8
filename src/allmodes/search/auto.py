"""The cheapest search for the workload at hand, by the measured cost of each on this machine."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..core.records import Neighbours
from .base import Index, Points, check_count, check_ids, check_points, check_request
from .cost import Workload, cheapest
from .dci import DCI
from .exact import Exact

LEAST = 2_000  # points below which exact search is never beaten
WIDE = 128  # dimensions below which the projections are no smaller than the points

Kind = Literal["exact", "dci"]


class Auto(Index):
    """Exact search in float32 or bfloat16, or DCI, whichever is expected to answer sooner.

    The points are held by one index at a time: the cheapest for the expected number of queries when the first points
    come, and another when a query comes for which building that one pays. Off the CPU the search is exact.

    Args:
        dim: dimensions of a point.
        queries: how many are expected after each change of the points.

    Attributes:
        chosen: the backend of the latest query: ``"exact"``, ``"exact-bfloat16"`` or ``"dci"``.
    """

    name = "auto"

    def __init__(self, dim: int, *, queries: int = 1_000) -> None:
        check_count(queries, "queries", least=0)
        self.dim = dim
        self.queries = queries
        self.chosen = "exact"
        self._index: Exact | DCI = Exact(dim)

    @classmethod
    def expecting(cls, dim: int, queries: int) -> Auto:
        """See :meth:`Index.expecting`."""
        return cls(dim, queries=queries)

    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """See :meth:`Index.add`."""
        points = check_points(points, self.dim, "points")
        if len(self) == 0:
            self._hold(self._choice(self.queries, 1, len(points), points.device.type == "cpu", standing=None))
        return self._index.add(points, borrow=borrow)

    def remove(self, ids: Tensor) -> None:
        """See :meth:`Index.remove`."""
        self._index.remove(check_ids(ids))

    def clear(self) -> None:
        self._index.clear()

    def __len__(self) -> int:
        return len(self._index)

    @property
    def nbytes(self) -> int:
        return self._index.nbytes

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """See :meth:`Index.query`."""
        queries = check_points(queries, self.dim, "queries")
        check_request(len(queries), k)
        standing: Kind = "dci" if isinstance(self._index, DCI) else "exact"
        if len(queries) and len(self):
            on_cpu = queries.device.type == "cpu"
            self.chosen = self._choice(len(queries), k, len(self), on_cpu, standing=standing)
            self._hold(self.chosen)
        if isinstance(self._index, Exact):
            self._index.precision = torch.bfloat16 if self.chosen == "exact-bfloat16" else torch.float32
        return self._index.query(queries, k)

    def _choice(self, queries: int, k: int, points: int, on_cpu: bool, *, standing: Kind | None) -> str:
        if not on_cpu or self.dim < WIDE or points < max(LEAST, k):
            return "exact"
        return cheapest(Workload(queries, points, self.dim, standing=standing))

    def _hold(self, backend: str) -> None:
        """Hand the points to the index that this backend needs."""
        kind = DCI if backend == "dci" else Exact
        if isinstance(self._index, kind):
            return
        before, self._index = self._index, kind(self.dim)
        self._index.restore(*before.all_points(), following=before.following)
