"""k-nearest-neighbour indexes behind one protocol."""

from .base import Index
from .dci import DCI
from .directions import Directions
from .exact import Exact

__all__ = ["DCI", "Directions", "Exact", "Index"]
