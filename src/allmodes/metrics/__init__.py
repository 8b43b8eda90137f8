"""Pure functions of two sets of features, or of counts, to a Score with its uncertainty."""

from .birthday import support_size
from .clipped import clipped_density_coverage
from .clustering import adjusted_rand, hungarian_accuracy, normalised_mutual_information, purity
from .confidence import confidence
from .copying import copied_mass
from .covered import covered
from .density_coverage import density_coverage
from .diversity import diversity
from .frechet import frechet_distance
from .inversion import inversion_distance, reached
from .kernel_distance import kernel_distance
from .manifold import manifold_precision_recall
from .memorisation import authenticity, memorisation
from .modes import mode_coverage, mode_kl, rare_modes, unfold
from .ndb import ndb
from .planar import planar_coverage
from .prd import prd_curve
from .prdc import prdc
from .precision_recall import precision_recall
from .prior_gap import prior_gap
from .smoothness import largest_step
from .vendi import vendi

__all__ = [
    "adjusted_rand",
    "authenticity",
    "clipped_density_coverage",
    "confidence",
    "copied_mass",
    "covered",
    "density_coverage",
    "diversity",
    "frechet_distance",
    "hungarian_accuracy",
    "inversion_distance",
    "kernel_distance",
    "largest_step",
    "manifold_precision_recall",
    "memorisation",
    "mode_coverage",
    "mode_kl",
    "ndb",
    "normalised_mutual_information",
    "planar_coverage",
    "prd_curve",
    "prdc",
    "precision_recall",
    "prior_gap",
    "purity",
    "rare_modes",
    "reached",
    "support_size",
    "unfold",
    "vendi",
]
