"""Which part of the data a generator leaves out, with a known error rate."""

from .audit import audit, audit_spaces, share_features
from .density import Balls
from .difference import Difference, difference
from .examples import Examples, open_examples
from .findings import Findings
from .found import Part
from .labels import Label
from .nearness import Farness, copied_mass, invented_mass
from .power import Power, least_seen
from .ratios import DroppedMass, Mass, Ratios, Scores, dropped_mass, thin_mass
from .regions import Region, Regions
from .scores import STANDARD
from .shares import Share, Shares, compare
from .space import Sides, Space, open_distance
from .verdict import Answer
from .view import Example, View
from .views import VIEWS

__all__ = [
    "STANDARD",
    "VIEWS",
    "Answer",
    "Balls",
    "Difference",
    "DroppedMass",
    "Example",
    "Examples",
    "Farness",
    "Findings",
    "Label",
    "Mass",
    "Part",
    "Power",
    "Ratios",
    "Region",
    "Regions",
    "Scores",
    "Share",
    "Shares",
    "Sides",
    "Space",
    "View",
    "audit",
    "audit_spaces",
    "compare",
    "copied_mass",
    "difference",
    "dropped_mass",
    "invented_mass",
    "least_seen",
    "open_distance",
    "open_examples",
    "share_features",
    "thin_mass",
]
