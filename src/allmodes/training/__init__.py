"""Training: the only room that knows devices, processes and optimizers."""

from .run import Run, train

__all__ = ["Run", "train"]
