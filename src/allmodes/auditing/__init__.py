"""Which part of the data a generator leaves out, with a known error rate."""

from .audit import audit
from .density import Balls
from .difference import Difference, difference
from .examples import Examples, open_examples
from .findings import Findings
from .found import Example
from .labels import Label
from .nearness import Farness, copied_mass, invented_mass
from .ratios import DroppedMass, Mass, Ratios, Scores, dropped_mass, thin_mass
from .regions import Region, Regions
from .scores import STANDARD
from .shares import Share, Shares, compare
from .space import open_distance

__all__ = [
    "STANDARD",
    "Balls",
    "Difference",
    "DroppedMass",
    "Example",
    "Examples",
    "Farness",
    "Findings",
    "Label",
    "Mass",
    "Ratios",
    "Region",
    "Regions",
    "Scores",
    "Share",
    "Shares",
    "audit",
    "compare",
    "copied_mass",
    "difference",
    "dropped_mass",
    "invented_mass",
    "open_distance",
    "open_examples",
    "thin_mass",
]
