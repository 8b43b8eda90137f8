"""Which part of the data a generator leaves out, with a known error rate."""

from .audit import audit
from .density import Balls, DroppedMass, dropped_mass
from .examples import Examples, open_examples
from .findings import Example, Findings, Region
from .regions import Regions
from .shares import Shares, compare

__all__ = [
    "Balls",
    "DroppedMass",
    "Example",
    "Examples",
    "Findings",
    "Region",
    "Regions",
    "Shares",
    "audit",
    "compare",
    "dropped_mass",
    "open_examples",
]
