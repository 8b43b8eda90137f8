"""The summands of objectives, a file for each kind: each belongs to one player, and methods are sums of them."""

from .adaptive import AdaptiveTerm
from .adversarial import Adversary, DiscriminatorTerm, GeneratorTerm, PenaltyTerm, RealPenaltyTerm, judged
from .base import Loss, Step, Term
from .classes import RealClassTerm, SampleClassTerm, class_loss, require_same_classes
from .components import ComponentTerm, EncoderTerm
from .interpolated import InterpolatedTerm
from .matched import MatchedTerm
from .prior import PriorTerm, prior_terms, trained
from .rarity import Rarity
from .reconstruction import ReconstructionTerm
from .refit import RefitTerm
from .regression import AbsoluteTerm, RegressionTerm
from .stage import Stage
from .styled import MixedStep, PathLengthTerm

__all__ = [
    "AbsoluteTerm",
    "AdaptiveTerm",
    "Adversary",
    "ComponentTerm",
    "DiscriminatorTerm",
    "EncoderTerm",
    "GeneratorTerm",
    "InterpolatedTerm",
    "Loss",
    "MatchedTerm",
    "MixedStep",
    "PathLengthTerm",
    "PenaltyTerm",
    "PriorTerm",
    "Rarity",
    "RealClassTerm",
    "RealPenaltyTerm",
    "ReconstructionTerm",
    "RefitTerm",
    "RegressionTerm",
    "SampleClassTerm",
    "Stage",
    "Step",
    "Term",
    "class_loss",
    "judged",
    "prior_terms",
    "require_same_classes",
    "trained",
]
