"""``allmodes train``: train by a recipe, or go on with a training that was stopped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..answer import columns
from ..base import Answer, Command, Example, Parser, joined

if TYPE_CHECKING:
    from ...runs.run import Run


VALUES = """--images N      presentations: how many training examples are shown in all, each again and again
--batch N       examples in a step; lower it if memory is short
--threads N     CPU threads: no more than there are free cores
--seed N        of every random draw: equal seeds give equal runs
--precision P   auto, 32-true or bf16-mixed; auto takes bfloat16 where it was measured to be faster
--device D      auto, cpu or cuda; auto takes a GPU if there is one"""


class Train(Command):
    """Train by a recipe."""

    name = "train"
    order = 2
    summary = "Train by a recipe, or go on with a training that was stopped."
    about = (
        "Everything about the run goes into one folder: checkpoints, figures, sample pictures, the model and\n"
        "report.html. If the folder holds a checkpoint, training goes on from it. Ctrl-C saves and stops.\n"
        "Any value of the recipe can be changed as --key VALUE, or --key=VALUE; see allmodes recipes NAME.\n"
        "Several GPUs share the batch: torchrun --nproc_per_node 2 -m allmodes.cli train RECIPE."
    )
    examples = (
        Example("train ring/imle", "a toy in the plane: seconds"),
        Example("train stacked-digits/imle-gan --out runs/a", "name the run's folder"),
        Example("train stacked-mnist/gan --images 200000 --generator.width 64", "change values of the recipe"),
        Example("train stacked-mnist/imle-gan --data photos/", "the same method on a folder of images"),
        Example("train my.yaml --print_config", "show the complete recipe and stop"),
    )

    def configure(self, parser: Parser) -> None:
        parser.usage = "allmodes train RECIPE [--out RUN] [--fresh] [--KEY VALUE ...] [--print_config] [--json]"
        parser.add_argument("recipe", metavar="RECIPE", help="a name from allmodes recipes, or a YAML file")
        parser.add_argument("--out", type=Path, metavar="RUN", help="the run's folder (default: runs/RECIPE)")
        parser.add_argument("--fresh", action="store_true", help="start over, even if the folder holds a run")
        parser.add_argument("--print_config", action="store_true", help="print the complete recipe as YAML and stop")
        parser.add_argument_group("values that every recipe has", VALUES)

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        arguments, rest = parser.parse_known_args(joined(words, parser.options))
        arguments.overrides = rest
        return arguments

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...core.launched import launched
        from ...training.recipe import load_recipe, parse_overrides

        overrides = parse_overrides(arguments.overrides)
        if arguments.print_config:
            recipe = load_recipe(arguments.recipe, overrides)
            return Answer(recipe.to_dict(), recipe.to_yaml().rstrip())
        from ...api import train

        try:
            run = train(arguments.recipe, arguments.out, overrides=overrides, fresh=arguments.fresh)
        except KeyboardInterrupt as stop:
            if stop.args:
                raise
            raise KeyboardInterrupt("The same command goes on from what is saved.") from stop
        if launched().rank:  # of several processes one speaks
            return Answer(None, "")
        return summary(run)


def summary(run: Run) -> Answer:
    """The chief figures of a finished run, and where to look next."""
    from ...reports.words import title_of, write_figure

    headline = run.evaluation().headline()
    figures = columns([(f"  {title_of(name)}", write_figure(name, value)) for name, value in headline.items()])
    report = run.path / "report.html"
    ended = None if run.ended is None else str(run.ended)
    document = {"run": str(run.path), "report": str(report), "headline": headline, "ended": ended}
    lines = [str(run.path), figures, *([ended] if ended else []), f"The report is {report}"]
    return Answer(document, "\n".join(lines))
