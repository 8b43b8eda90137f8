"""The cheapest search for the workload at hand, by the measured cost of each on this machine."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.records import Neighbours
from .base import Index, Points, check_k, check_points
from .cost import Workload, cheapest
from .dci import DCI
from .exact import Exact

LEAST = 2_000  # points below which exact search is never beaten
WIDE = 128  # dimensions below which the projections are no smaller than the points


class Auto(Index):
    """Exact search in float32 or bfloat16, or DCI, whichever is expected to answer sooner.

    The choice is made by every query, for its number of queries: an approximate index is built when a query comes
    that is worth it, and then stands for later ones. On another device than the CPU the search is exact.

    Args:
        dim: dimensions of a point.

    Attributes:
        chosen: the backend of the latest query: ``"exact"``, ``"exact-bfloat16"`` or ``"dci"``.
    """

    name = "auto"

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.chosen = "exact"
        self._exact = Exact(dim)
        self._dci: DCI | None = None

    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """See :meth:`Index.add`."""
        ids = self._exact.add(points, borrow=borrow)
        if self._dci is not None:
            self._dci.add(points)
        return ids

    def remove(self, ids: Tensor) -> None:
        """See :meth:`Index.remove`."""
        self._exact.remove(ids)
        if self._dci is not None:
            self._dci.remove(ids)

    def clear(self) -> None:
        self._exact.clear()
        self._dci = None

    def __len__(self) -> int:
        return len(self._exact)

    @property
    def nbytes(self) -> int:
        return self._exact.nbytes + (0 if self._dci is None else self._dci.nbytes)

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """See :meth:`Index.query`."""
        queries = check_points(queries, self.dim, "queries")
        self.chosen = self._choice(queries, check_k(k))
        if self.chosen != "dci":
            self._exact.precision = torch.bfloat16 if self.chosen == "exact-bfloat16" else torch.float32
            return self._exact.query(queries, k)
        if self._dci is None:
            self._dci = DCI(self.dim)
            self._dci.restore(*self._exact.all_points(), following=self._exact.following)
        return self._dci.query(queries, k)

    def _choice(self, queries: Tensor, k: int) -> str:
        if queries.device.type != "cpu" or self.dim < WIDE or len(self) < max(LEAST, k) or len(queries) == 0:
            return "exact"
        return cheapest(Workload(len(queries), len(self), self.dim, built=self._dci is not None))
