"""Which latent serves which example: the one mechanism that runs through all methods of the IMLE family."""

from .base import Matcher
from .nearest import Nearest
from .rounds import Rounds

__all__ = ["Matcher", "Nearest", "Rounds"]
