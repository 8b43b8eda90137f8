r"""Dynamic Continuous Indexing (Li & Malik, ICML 2016 and 2017), in native code.

Every point is projected on m L unit directions :math:`u`: L composite indices of m simple ones. As
:math:`|\langle p - q, u \rangle| \le |p - q|`, points with projections near the query's come first:

1. project the query;
2. in every composite index take the points nearest by projected distance, as many as ``retrieve`` says;
3. compute the true distances of these candidates, and answer with the k nearest.

The papers rank by the largest difference of projections (L-infinity), reached with sorted lists and a priority queue;
a sequential scan of the projections yields the same points and is faster at any size that fits in memory, and ranking
by the L2 distance over all directions finds more neighbours among as many candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Neighbours
from ..core.tensors import save_tensors
from .base import Index, Points, check_count, check_finite, check_ids, check_points, check_request
from .directions import Directions
from .saved import FORMAT, ORDERS, read_index, tensors_hash

MOST = 2**62  # counts in native code


class DCI(Index):
    """Approximate search on the CPU, with insertion and deletion that rebuild nothing.

    Args:
        dim: dimensions of a point.
        simple: simple indices m of a composite index.
        composite: composite indices L.
        seed: of the directions.
        order: of the candidates. ``"l2"``: projected distance over all directions; ``"linf"``: largest difference of
            projections in each composite index, and the union of these; ``"prioritized"``: the same by sorted
            lists whose entries are visited nearest first, and counted (Li & Malik 2017, algorithm 2).
        levels: of the hierarchy in prioritized order. With more than one, a point rises to each further level at
            random and the others belong to the nearest risen one, in lists of their own; a query opens few of these.
        directions: ``"random"``, or ``"pca"`` fitted to the points that are added first, or given ones.

    Attributes:
        directions: None until the first points are added, unless given.
    """

    name = "dci"

    def __init__(
        self,
        dim: int,
        *,
        simple: int = 16,
        composite: int = 2,
        seed: int = 0,
        order: Literal["l2", "linf", "prioritized"] = "l2",
        levels: int = 1,
        directions: Literal["random", "pca"] | Directions = "pca",
    ) -> None:
        for what, value in {"dim": dim, "simple": simple, "composite": composite, "levels": levels}.items():
            check_count(value, what)
        check_count(seed, "seed", least=0)
        if order not in ORDERS:
            raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
        if levels > 1 and order != "prioritized":
            raise ValueError(f'levels ({levels}) are of order="prioritized": the others scan all projections')
        self.levels = levels
        self.dim = dim
        self.simple = simple
        self.composite = composite
        self.seed = seed
        self.order = order
        self.kind = "given" if isinstance(directions, Directions) else directions
        self.directions: Directions | None = None
        self._native: Any = None
        self._first = 0  # id of the first point that is added
        self._beginning = Lock()  # of the first points: others wait until directions are fitted to them
        if isinstance(directions, Directions):
            self._native = self._empty(directions)
            self.directions = directions

    def _empty(self, directions: Directions, children: int = 0) -> Any:
        """Native index without points, with about so many in a cell where that is known."""
        if directions.matrix.shape != (self.simple * self.composite, self.dim):
            wanted = f"({self.simple * self.composite}, {self.dim})"
            raise ValueError(f"directions must have shape {wanted}, not {tuple(directions.matrix.shape)}")
        native = _native()
        origin, matrix = directions.origin.contiguous(), (directions.matrix * directions.scale).contiguous()
        return native.Dci(origin, matrix, self.composite, getattr(native.Order, self.order), self.levels, children)

    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """Add points ``(n, dim)``; returns their ids ``(n,)``.

        Args:
            points: float32 on the CPU is not converted.
            borrow: refer to the first points instead of copying them: they must not change afterwards.

        Raises:
            ValueError: wrong shape, NaN or infinity; nothing is added then.
            TypeError: wrong type of numbers.
        """
        points = check_points(points, self.dim, "points").cpu()
        if len(points) == 0:
            return torch.empty(0, dtype=torch.int64)
        first = self._with(points, lambda native: native.add(points, borrow, torch.get_num_threads()))
        return torch.arange(first, first + len(points))

    def _with(self, points: Tensor, enter: Callable[[Any], Any]) -> Any:
        """What ``enter`` returns for the native index, which is there for others when the first points are in it."""
        with self._beginning:
            if self._native is None:
                kind: Any = self.kind
                directions = Directions.fitted(points, self.simple * self.composite, kind, seed=self.seed)
                check_finite(directions.origin, "points")
                native = self._empty(directions)
                native.restore(points[:0], torch.empty(0, dtype=torch.int64), self._first, 1)
                result = enter(native)
                self.directions, self._native = directions, native
                return result
        return enter(self._native)

    def restore(self, points: Tensor, ids: Tensor, *, following: int) -> None:
        """Take over points of another index with the ids that they have there.

        Args:
            points: float32 ``(n, dim)`` on the CPU; borrowed.
            ids: int64 ``(n,)``, ascending, all above those given here so far.
            following: the id of the next point that is added.
        """
        if self._native is None and len(points) == 0:  # nothing to fit directions to yet
            self._first = following
            return
        self._with(points, lambda native: native.restore(points, ids, following, torch.get_num_threads()))

    def query(
        self,
        queries: Points,
        k: int = 1,
        *,
        retrieve: int | None = None,
        visit: int | None = None,
        field_of_view: int = 20,
    ) -> Neighbours:
        """The ``k`` nearest of the candidates of each query ``(q, dim)``, on the device of the queries.

        Args:
            queries: float32 on the CPU is not converted.
            k: neighbours of each.
            retrieve: candidates, from every composite index (and level) where ``order`` is not ``"l2"``; by default
                half the square root of the number of points and 4 for every neighbour, but at least 64.
            visit: list entries to look at in every composite index (and level), in prioritized order; by default all.
            field_of_view: points whose lists are opened on the next level, the nearest ones.

        Where rounding could change which points are candidates, all that may be as near are.

        Raises:
            ValueError: wrong shape, NaN or infinity, or a count below 1.
            TypeError: wrong type of numbers.
        """
        where = queries.device if isinstance(queries, Tensor) else torch.device("cpu")
        queries = check_points(queries, self.dim, "queries").cpu()
        check_finite(queries, "queries")
        size = len(self)
        check_request(len(queries), k)
        for what, value in {"retrieve": retrieve, "visit": visit, "field_of_view": field_of_view}.items():
            check_count(1 if value is None else value, what)
        wanted = max(64, round(size**0.5 / 2) + 4 * k) if retrieve is None else min(retrieve, MOST)
        most, view = MOST if visit is None else min(visit, MOST), min(field_of_view, MOST)
        ids = torch.full((len(queries), k), -1, dtype=torch.int64)
        distances = torch.full((len(queries), k), torch.inf)
        if size == 0 or len(queries) == 0:
            return Neighbours(ids.to(where), distances.to(where), 0)
        work = self._native.query(queries, wanted, most, view, torch.get_num_threads(), ids, distances)
        return Neighbours(ids.to(where), distances.to(where), work.evaluations, work.visits)

    def remove(self, ids: Tensor) -> None:
        """Remove points by id.

        Raises:
            KeyError: an id that is not in the index; nothing is removed then.
        """
        ids = check_ids(ids).cpu()
        if len(ids) and (self._native is None or self._native.remove(ids)):
            raise KeyError("remove() was given ids that are not in the index")

    def clear(self) -> None:
        if self._native is not None:
            self._native.clear()

    def __len__(self) -> int:
        return 0 if self._native is None else len(self._native)

    @property
    def nbytes(self) -> int:
        return 0 if self._native is None else int(self._native.nbytes)

    @property
    def following(self) -> int:
        """The id of the next point that is added."""
        return self._first if self._native is None else int(self._native.next)

    def all_points(self) -> tuple[Tensor, Tensor]:
        """A copy of the points ``(n, dim)``, and their ids ``(n,)``."""
        contents = self._contents()
        return contents["points"], contents["ids"]

    def _contents(self) -> dict[str, Tensor]:
        """Points, their ids, the id of the next one and the plan of the levels, all of the same moment."""
        if self._native is None:
            points, ids = torch.empty(0, self.dim), torch.empty(0, dtype=torch.int64)
            following, children = self._first, 0
        else:
            rows, numbers, following, children = self._native.contents()
            points, ids = torch.from_numpy(rows), torch.from_numpy(numbers)
        return {
            "points": points,
            "ids": ids,
            "next": torch.tensor(following),
            "children": torch.tensor(children),
        }

    def save(self, path: str | Path) -> None:
        """Write points, ids and directions to one safetensors file, whole or not at all.

        Raises:
            UserError: the file cannot be written.
        """
        tensors = self._contents()
        directions = self.directions
        if directions is not None:
            scale = torch.tensor(directions.scale, dtype=torch.float64)
            tensors |= {"matrix": directions.matrix, "origin": directions.origin, "scale": scale}
        fields = ("dim", "simple", "composite", "levels", "seed", "order", "kind")
        metadata = {"format": FORMAT, "hash": tensors_hash(tensors), **{key: str(getattr(self, key)) for key in fields}}
        save_tensors(Path(path), tensors, metadata)

    @classmethod
    def load(cls, path: str | Path) -> DCI:
        """Read an index that ``save`` wrote. It answers as the saved one did.

        Raises:
            UserError: the file is missing, truncated, altered or something else, or a field of it cannot be.
        """
        saved = read_index(Path(path))
        kind: Any = saved.kind
        sizes: dict[str, Any] = {key: getattr(saved, key) for key in ("simple", "composite", "levels", "seed", "order")}
        index = cls(saved.dim, directions=kind if saved.directions is None else saved.directions, **sizes)
        index.kind = kind
        if saved.directions is not None:
            index._native = index._empty(saved.directions, saved.children)
        index.restore(saved.points, saved.ids, following=saved.following)
        return index


def built() -> bool:
    """Whether the native code is here."""
    return find_spec("allmodes.search._native") is not None


def _native() -> Any:
    try:
        from . import _native as native  # type: ignore[attr-defined,unused-ignore]
    except ImportError as error:
        raise UserError(
            "The native search is not built: install allmodes with 'pip install .' (it needs a C++ compiler), or use "
            "the search backend 'exact'."
        ) from error
    return native
