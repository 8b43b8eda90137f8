"""One file per published method: which players exist and what each minimises in turn."""

from .base import Objective, Update
from .terms import Loss

__all__ = ["Loss", "Objective", "Update"]
