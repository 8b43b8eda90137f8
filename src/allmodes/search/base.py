"""What a k-nearest-neighbour index is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ..core.records import Neighbours


class Index(ABC):
    """Points that can be searched. Ids are int64, given by ``add`` in order, stable for the index's life."""

    name: ClassVar[str]

    @abstractmethod
    def add(self, points: Tensor) -> Tensor:
        """Add float32 points ``(n, dim)``; returns their ids ``(n,)``."""

    @abstractmethod
    def query(self, queries: Tensor, k: int = 1) -> Neighbours:
        """The ``k`` nearest points of each query ``(q, dim)``, nearest first."""

    @abstractmethod
    def remove(self, ids: Tensor) -> None:
        """Remove points by id."""

    @abstractmethod
    def __len__(self) -> int: ...


def check_points(points: Tensor, dim: int, what: str) -> Tensor:
    """Float32 ``(n, dim)`` and finite, or a ValueError that says what is wrong."""
    if points.ndim != 2 or points.shape[1] != dim:
        raise ValueError(f"{what} must have shape (n, {dim}), not {tuple(points.shape)}")
    points = points.to(torch.float32)
    if not torch.isfinite(points).all():
        raise ValueError(f"{what} contain NaN or infinity")
    return points
