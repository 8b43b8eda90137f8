"""Which part of the data a generator leaves out, with a known error rate."""

from .density import Balls, DroppedMass, dropped_mass
from .regions import Regions
from .shares import Shares, compare

__all__ = ["Balls", "DroppedMass", "Regions", "Shares", "compare", "dropped_mass"]
