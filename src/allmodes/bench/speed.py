"""How fast a training is: its steps and its rounds of matching, timed apart."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from ..training.build import build_dataset, build_objective
from ..training.precision import settled
from ..training.processes import launch
from ..training.recipe import Recipe
from ..training.trainer import Trainer
from .timing import seconds

ENOUGH = 3.0  # seconds of steps


def make_trainer(recipe: Recipe) -> Trainer:
    """The training of a recipe, before its first step."""
    recipe = settled(recipe)
    fabric, dataset = launch(recipe.settings), build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


@dataclass(frozen=True)
class Speed:
    """What a training costs.

    Args:
        step: seconds of a step without matching.
        round: seconds of a round of matching, 0 where nothing is matched.
        refresh: steps between two rounds.
        batch: examples of a step.
    """

    step: float
    round: float
    refresh: int
    batch: int

    @classmethod
    def of(cls, trainer: Trainer) -> Speed:
        """Train a little."""
        recipe = trainer.recipe
        matches = trainer.objective.due(trainer.moment())
        trainer.one_step()  # a first step prepares what later ones only use
        round_ = seconds(lambda: trainer.prepare(trainer.moment())) if matches else 0.0
        refresh = recipe.parts["matching"]["refresh"] if matches else 1
        return cls(_step(trainer), round_, refresh, recipe.settings.batch)

    @property
    def images(self) -> float:
        """Examples a second."""
        return self.batch / (self.step + self.round / self.refresh)

    @property
    def matching(self) -> float:
        """Share of the time."""
        return self.round / (self.refresh * self.step + self.round)


def _step(trainer: Trainer) -> float:
    """Median seconds of a step, less its matching."""
    times: list[float] = []
    while sum(times) < ENOUGH or len(times) < 3:
        began, matched = time.perf_counter(), trainer.matching_seconds
        trainer.one_step()
        trainer.require_finite()  # which waits for the device
        times.append(time.perf_counter() - began - (trainer.matching_seconds - matched))
    return median(times)
