"""What an algorithm may know of the processes that share its work."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Workers(Protocol):
    """The processes that train together. Algorithms split work by ``rank`` and join it by ``gather``."""

    rank: int
    size: int

    def gather(self, tensor: Tensor) -> Tensor:
        """Stack the equally shaped tensors of all processes: ``(...) -> (size, ...)``."""
        ...


class Alone:
    """One process."""

    rank = 0
    size = 1

    def gather(self, tensor: Tensor) -> Tensor:
        return tensor[None]
