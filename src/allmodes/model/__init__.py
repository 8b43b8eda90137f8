"""What a run leaves behind: a generator with its prior, and all that audit and export need of it."""

from .files import CHECKPOINTS, GENERATORS, PRIORS, build_networks, load, load_checkpoint
from .model import Model

__all__ = ["CHECKPOINTS", "GENERATORS", "PRIORS", "Model", "build_networks", "load", "load_checkpoint"]
