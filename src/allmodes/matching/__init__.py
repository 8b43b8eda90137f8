"""Which latent serves which example: the one mechanism that runs through all methods of the IMLE family."""

from .base import Matcher
from .nearest import Nearest
from .rejection import Rejection
from .rounds import Rounds
from .thresholds import Thresholds

__all__ = ["Matcher", "Nearest", "Rejection", "Rounds", "Thresholds"]
