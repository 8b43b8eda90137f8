"""What a k-nearest-neighbour index is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.memory import require_memory
from ..core.records import Neighbours

Points = Tensor | NDArray[np.floating]
FLOATS = (torch.float32, torch.float16, torch.bfloat16)
ROUND = (
    ": round them by .astype(np.float32), or .float() of a tensor, and if they lie far from 0 against their distances, "
    "first subtract one mean from points and queries"
)
ANSWER = 12  # bytes of an id and a distance
LARGE = 2**28  # bytes of answers of which it is asked whether there is room


class Index(ABC):
    """Points that can be searched.

    Points are float32 ``(n, dim)``, tensors or arrays; float16 and bfloat16 are converted. Ids are int64, given by
    ``add`` in order, stable for the index's life and never given twice. Constructors take ``dim`` first.

    Attributes:
        streams: whether many points are searched as cheaply block by block, with an index for each, as at once.
    """

    name: ClassVar[str]
    streams: ClassVar[bool] = False

    @classmethod
    def expecting(cls, dim: int, queries: int) -> Index:
        """An index of default settings for points of ``dim`` dimensions that about so many queries are asked of."""
        del queries
        return cls(dim)  # type: ignore[call-arg]

    @abstractmethod
    def add(self, points: Points, *, borrow: bool = False) -> Tensor:
        """Add points ``(n, dim)``; returns their ids ``(n,)``.

        Args:
            points: what to add.
            borrow: the index may refer to this memory instead of copying it: it must not change afterwards.

        Raises:
            ValueError: wrong shape, NaN or infinity.
            TypeError: wrong type of numbers.
        """

    @abstractmethod
    def query(self, queries: Points, k: int = 1) -> Neighbours:
        """The ``k`` nearest points of each query ``(q, dim)``, nearest first; ids -1 and distances inf beyond.

        A distance that float32 cannot hold is inf, too.

        Raises:
            ValueError: wrong shape, NaN or infinity, or a ``k`` that is no whole number of at least 1.
            TypeError: wrong type of numbers.
            UserError: an answer larger than the memory.
        """

    @abstractmethod
    def remove(self, ids: Tensor) -> None:
        """Remove points by id.

        Raises:
            KeyError: an id that is not in the index; nothing is removed then.
        """

    @abstractmethod
    def clear(self) -> None:
        """Remove all points."""

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of the index beyond the points themselves."""


def check_points(points: Points, dim: int, what: str) -> Tensor:
    """Float32 ``(n, dim)``, contiguous, the same memory where it can be.

    Raises:
        ValueError: wrong shape.
        TypeError: not an array of floats of at most 32 bits.
    """
    if isinstance(points, np.ndarray):
        points = torch.from_numpy(np.ascontiguousarray(_forwards(points)))
    if not isinstance(points, Tensor) or points.dtype not in FLOATS:
        kind = points.dtype if isinstance(points, Tensor) else type(points).__name__
        remedy = ROUND if kind == torch.float64 else ""
        raise TypeError(f"{what} must be a tensor or array of float32 (or float16, bfloat16), not {kind}{remedy}")
    if points.ndim != 2 or points.shape[1] != dim:
        raise ValueError(f"{what} must have shape (n, {dim}), not {tuple(points.shape)}")
    return points.detach().to(torch.float32).contiguous()


def check_finite(values: Tensor, what: str) -> None:
    """Refuse NaN and infinity in ``values``, which may be the points or anything computed from all of them.

    Raises:
        ValueError: there is one.
    """
    if not torch.isfinite(values).all():
        raise ValueError(f"{what} contain NaN or infinity, or numbers too large to compute with")


def check_ids(ids: Tensor | NDArray[np.integer]) -> Tensor:
    """Int64 ``(n,)``, contiguous.

    Raises:
        ValueError: another shape.
        TypeError: not whole numbers.
    """
    ids = torch.as_tensor(_forwards(ids))
    if ids.is_floating_point() or ids.dtype == torch.bool:
        raise TypeError(f"ids must be int64, not {ids.dtype}")
    if ids.ndim != 1:
        raise ValueError(f"ids must have shape (n,), not {tuple(ids.shape)}")
    return ids.to(torch.int64).contiguous()


def check_count(value: int, what: str, *, least: int = 1) -> None:
    """Refuse what is no whole number of at least ``least``.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{what} must be a whole number and at least {least}, not {value}")


def check_request(queries: int, k: int) -> None:
    """Refuse to look for ``k`` neighbours of so many queries where they are none, or more than memory can hold.

    Raises:
        ValueError: ``k`` is no whole number, or less than 1.
        UserError: there is no room for the answer.
    """
    check_count(k, "k")
    if queries * k * ANSWER > LARGE:
        require_memory(queries * k * ANSWER, f"{k:,} neighbours of each of {queries:,} queries")


def _forwards(values: Any) -> Any:
    """An array in the order that a tensor can have: one that runs backwards, too, is copied."""
    return np.array(values) if isinstance(values, np.ndarray) and min(values.strides, default=0) < 0 else values
