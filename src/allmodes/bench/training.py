"""``allmodes bench training``: how fast recipes train here, in either precision, and what share of it is matching.

Steps and rounds of matching are timed apart, and put together as a training has them: ``refresh`` steps to a round. The
matched-distance term is taken as in force, whether it ends in the course of a training or not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..core.errors import UserError
from ..training.processes import launch
from ..training.recipe import Recipe, load_recipe
from . import waiting
from .speed import Speed, make_trainer
from .table import Row, Table

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
        UserError: there is no such recipe, no such device here, or the data of none of them.
    """
    for name in plan.recipes:
        fabric = launch(_recipe(name, PRECISIONS[0], plan).settings)
    table = Table(
        "Training",
        "'step' and 'round' (of matching) are milliseconds, 'matching' is its share of the time. 'presentations/s' "
        "are of data examples, with matching included; 'times faster' is against 32-true of the same recipe.",
    )
    for name in plan.recipes:
        table.rows.extend(_rows(name, plan, progress))
    if not table.rows:
        raise UserError("None of these recipes can be measured here: what is missing stands above.")
    waits = fabric.device.type == "cpu" and plan.threads > 1
    return [table, *([waiting.table(plan.threads, progress=progress)] if waits else [])]


def _rows(name: str, plan: Plan, progress: Callable[[str], None]) -> Iterator[Row]:
    first = None
    for precision in PRECISIONS:
        progress(f"{name}, {precision}")
        try:
            trainer = make_trainer(_recipe(name, precision, plan))
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
            "presentations/s": speed.images,
            "times faster": speed.images / first.images,
        }


def _recipe(name: str, precision: str, plan: Plan) -> Recipe:
    return load_recipe(name, {"precision": precision, "threads": plan.threads, "device": plan.device})
