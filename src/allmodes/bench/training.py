"""``allmodes bench training``: how fast recipes train here, in either precision, and what share of it is matching.

Steps and rounds of matching are timed apart, and put together as a training has them: ``refresh`` steps to a round. The
matched-distance term is taken as in force, whether it ends in the course of a training or not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ..core.errors import UserError
from ..training.build import build_dataset, build_objective
from ..training.processes import launch
from ..training.recipe import Recipe, load_recipe
from ..training.trainer import Trainer
from .table import Row, Table
from .timing import seconds

QUICK = ("stacked-digits/gan-strong", "stacked-digits/imle-gan")
RECIPES = (
    *QUICK,
    "stacked-mnist/gan",
    "stacked-mnist/imle-gan",
    "stacked-mnist/unrolled-half",
    "few-shot/gan",
    "few-shot/imle",
    "few-shot/rs-imle",
)
PRECISIONS = ("32-true", "bf16-mixed")
ENOUGH = 3.0  # seconds of steps


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Args:
        recipes: by name.
        device: as in a recipe: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        threads: of the CPU.
    """

    recipes: Sequence[str]
    device: str
    threads: int


def all_tables(plan: Plan, *, progress: Callable[[str], None]) -> list[Table]:
    """The whole benchmark; a recipe whose data are not here is left out, and it is said.

    Args:
        plan: what is measured.
        progress: told what is measured next.

    Raises:
        UserError: there is no such recipe, or no such device here.
    """
    for name in plan.recipes:
        launch(_recipe(name, PRECISIONS[0], plan).settings)
    table = Table(
        "Training",
        "'step' and 'round' (of matching) are milliseconds, 'matching' is its share of the time. 'images/s' counts "
        "data examples, with matching included; 'times faster' is against 32-true of the same recipe.",
    )
    for name in plan.recipes:
        table.rows.extend(_rows(name, plan, progress))
    return [table]


def _rows(name: str, plan: Plan, progress: Callable[[str], None]) -> Iterator[Row]:
    first = None
    for precision in PRECISIONS:
        progress(f"{name}, {precision}")
        try:
            trainer = _trainer(_recipe(name, precision, plan))
        except UserError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
            return
        speed = Speed.of(trainer)
        first = first or speed
        yield {
            "recipe": name,
            "device": trainer.fabric.device.type,
            "precision": precision,
            "step": 1e3 * speed.step,
            "round": 1e3 * speed.round,
            "matching": speed.matching,
            "images/s": speed.images,
            "times faster": speed.images / first.images,
        }


def _recipe(name: str, precision: str, plan: Plan) -> Recipe:
    return load_recipe(name, {"precision": precision, "threads": plan.threads, "device": plan.device})


def _trainer(recipe: Recipe) -> Trainer:
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
