"""k-nearest-neighbour indexes behind one protocol."""

from .auto import Auto
from .base import Index
from .dci import DCI
from .directions import Directions
from .exact import Exact
from .faiss import Faiss

__all__ = ["DCI", "Auto", "Directions", "Exact", "Faiss", "Index"]
