"""One file per published method: which players exist and what each minimises in turn."""

from .base import Loss, Objective, Update

__all__ = ["Loss", "Objective", "Update"]
