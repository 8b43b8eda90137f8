"""``allmodes evaluate``: measure a trained run again, from its model and its data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError, did_you_mean
from ..answer import columns
from ..base import Answer, Command, Example, Parser

if TYPE_CHECKING:
    from ...core.records import Score


class Evaluate(Command):
    """Measure a run."""

    name = "evaluate"
    order = 4
    summary = "Measure a trained run: modes covered, KL, quality, each with its interval."
    about = "Samples are drawn afresh from the run's model. The run's folder is left as it is."
    examples = (
        Example("evaluate runs/a", "every figure in a table"),
        Example("evaluate runs/a --metrics modes,kl", "only these"),
        Example("evaluate runs/a --json", "with all detail, for a program"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
        parser.add_argument("--metrics", metavar="A,B", help="the figures to show, by name (default: all)")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...training.run import evaluate_run

        found = evaluate_run(arguments.run)
        scores = chosen(found.scores, arguments.metrics)
        names = {score.name for score in scores}
        document = found.to_json()
        document["scores"] = [score for score in document["scores"] if score["name"] in names]
        if arguments.metrics:
            document["headline"] = {score.name: score.value for score in scores}
        return Answer(document, as_table(scores))


def chosen(scores: tuple[Score, ...], wanted: str | None) -> tuple[Score, ...]:
    """The scores named in ``wanted``, separated by commas, in that order; all if it is None.

    Raises:
        UserError: a name that no score has.
    """
    if wanted is None:
        return scores
    known = {score.name: score for score in scores}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise UserError(f"This run has no figure '{name}'.{did_you_mean(name, known)}")
    if not names:
        raise UserError("--metrics names no figure: write --metrics modes,kl, for example.")
    return tuple(known[name] for name in names)


def as_table(scores: tuple[Score, ...]) -> str:
    """Name, value, interval and sample size of each score, with its warnings below."""
    from ...reports.words import title_of, write_figure

    rows = [("figure", "value", "95% interval", "samples")]
    for score in scores:
        ends = [] if score.ci95 is None else [write_figure(score.name, end) for end in score.ci95]
        value = write_figure(score.name, score.value)
        samples = f"{score.n_fake:,}" if score.n_fake else "–"
        rows.append((title_of(score.name), value, " to ".join(ends) or "–", samples))
    warnings = dict.fromkeys(warning for score in scores for warning in score.warnings)
    return "\n".join([columns(rows), *(f"Note: {warning}" for warning in warnings)])
