"""Any index of faiss behind the same protocol (Douze et al. 2024), where faiss is installed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Neighbours
from .base import Index, Points, check_count, check_finite, check_ids, check_points, check_request
from .frame import squared_norms


class Faiss(Index):
    """Search by faiss, on the CPU, in its own arithmetic: in float32, where what is near far from 0 may cancel.

    Args:
        dim: dimensions of a point.
        factory: what faiss' index factory is asked for, such as ``"Flat"``, ``"IVF200,Flat"`` or ``"HNSW32"``. An
            index that must be trained is trained on the first points.

    Raises:
        UserError: faiss is not installed, or its factory makes nothing of that.
        ValueError: a ``dim`` that is no whole number of at least 1.
    """

    name = "faiss"

    def __init__(self, dim: int, *, factory: str = "Flat") -> None:
        check_count(dim, "dim")
        try:
            import faiss
        except ImportError as error:
            raise UserError("The search backend 'faiss' needs faiss: pip install faiss-cpu.") from error
        self.dim = dim
        self.factory = factory
        self._faiss: Any = faiss
        self._next = 0
        self._index: Any = self._made()

    def _made(self) -> Any:
        try:
            return self._faiss.IndexIDMap2(self._faiss.index_factory(self.dim, self.factory))
        except RuntimeError as error:
            raise UserError(f"faiss makes no index of {self.dim} dimensions from '{self.factory}'.") from error

    def parameter(self, name: str, value: int) -> None:
        """Set a parameter by faiss' name for it: of queries (``nprobe``), of points to come (``efConstruction``)."""
        self._faiss.ParameterSpace().set_index_parameter(self._index, name, value)

    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """See :meth:`Index.add`; faiss always copies."""
        points = check_points(points, self.dim, "points").cpu()
        check_finite(squared_norms(points), "points")  # those that faiss could not square in float32, too
        ids = torch.arange(self._next, self._next + len(points))
        if len(points):
            self._faiss.omp_set_num_threads(torch.get_num_threads())
            if not self._index.is_trained:
                self._index.train(points.numpy())
            self._index.add_with_ids(points.numpy(), ids.numpy())
        self._next += len(points)
        return ids

    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """See :meth:`Index.query`; faiss does not say how many distances it computed: all are counted."""
        where = queries.device if isinstance(queries, Tensor) else torch.device("cpu")
        queries = check_points(queries, self.dim, "queries").cpu()
        check_finite(squared_norms(queries), "queries")
        check_request(len(queries), k)
        self._faiss.omp_set_num_threads(torch.get_num_threads())
        squares, found = self._index.search(queries.numpy(), k)
        ids = torch.from_numpy(found)
        distances = torch.from_numpy(squares).clamp_min(0).sqrt().masked_fill(ids < 0, torch.inf)
        return Neighbours(ids.to(where), distances.to(where), len(queries) * len(self))

    def remove(self, ids: Tensor) -> None:
        """See :meth:`Index.remove`.

        Raises:
            KeyError: an id that is not in the index; nothing is removed then.
            UserError: this kind of faiss index cannot remove.
        """
        ids = check_ids(ids).cpu()
        known = torch.from_numpy(self._faiss.vector_to_array(self._index.id_map))
        if not torch.isin(ids, known).all():
            raise KeyError("remove() was given ids that are not in the index")
        try:
            self._index.remove_ids(ids.numpy())
        except RuntimeError as error:
            raise UserError(f"The faiss index '{self.factory}' cannot remove points: use dci or exact.") from error

    def clear(self) -> None:
        self._index = self._made()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def nbytes(self) -> int:
        """Bytes of the serialised index beyond the points."""
        return int(self._faiss.serialize_index(self._index).nbytes) - len(self) * self.dim * 4
