"""Which part of the data a generator leaves out, with a known error rate."""

from .audit import audit
from .density import Balls, DroppedMass, dropped_mass
from .examples import Examples, open_examples
from .findings import Example, Findings
from .labels import Label
from .nearness import Mass, copied_mass, invented_mass
from .regions import Region, Regions
from .scores import STANDARD
from .shares import Share, Shares, compare
from .space import open_distance

__all__ = [
    "STANDARD",
    "Balls",
    "DroppedMass",
    "Example",
    "Examples",
    "Findings",
    "Label",
    "Mass",
    "Region",
    "Regions",
    "Share",
    "Shares",
    "audit",
    "compare",
    "copied_mass",
    "dropped_mass",
    "invented_mass",
    "open_distance",
    "open_examples",
]
