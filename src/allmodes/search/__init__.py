"""k-nearest-neighbour indexes behind one protocol."""

from .base import Index
from .exact import Exact

__all__ = ["Exact", "Index"]
