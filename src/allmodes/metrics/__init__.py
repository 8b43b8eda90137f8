"""Pure functions of two sets of features, or of counts, to a Score with its uncertainty."""

from .confidence import confidence
from .frechet import frechet_distance
from .modes import mode_coverage, mode_kl, rare_modes, unfold
from .planar import planar_coverage

__all__ = ["confidence", "frechet_distance", "mode_coverage", "mode_kl", "planar_coverage", "rare_modes", "unfold"]
