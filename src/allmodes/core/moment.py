"""Where a training stands, and what an objective may ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .records import Batch
from .seeding import stream
from .workers import Workers


@dataclass(frozen=True)
class Moment:
    """One step of a training, as an objective sees it.

    Args:
        step: updates of the generator so far.
        progress: share of the training that is done, 0 to 1.
        seed: of the run.
        batch_size: examples per step, over all processes.
        device: where the networks are.
        workers: the processes that share the work.
        upcoming: gives the whole batch of this step (0), of a later one (1, 2, ...) or of an earlier one (-1, -2, ...).
        examples: how many there are of the data, which come again and again; None if they are composed afresh.
    """

    step: int
    progress: float
    seed: int
    batch_size: int
    device: torch.device
    workers: Workers
    upcoming: Callable[[int], Batch]
    examples: int | None = None

    def rng(self, *names: str | int) -> torch.Generator:
        """The generator of this step's draws of this name; equal in all processes."""
        return stream(self.seed, *names, self.step)
