"""``allmodes evaluate``: measure a trained run again, from its model and its data."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError, did_you_mean
from ..answer import columns
from ..base import Answer, Command, Example, Parser, listed, positive
from ..space import chosen_distance, parse_with_options

if TYPE_CHECKING:
    from ...core.records import Score
    from ...evaluation.evaluate import Evaluation

SAMPLES = 5_000  # for a feature space


class Evaluate(Command):
    """Measure a run."""

    name = "evaluate"
    order = 4
    summary = "Measure a trained run: modes covered, KL, quality, each with its interval."
    about = (
        "Samples are drawn afresh from the run's model. The run's folder is left as it is. With --distance, samples "
        "and data are compared in a feature space of your choice; in that of the standard Inception network "
        "the Frechet distance is the FID.\n\n"
        "With --images, a conditional run answers the inputs of these pictures instead of its held-out ones: those of "
        "--inputs, a.._LR beside a.._HR in one folder, or what its degradation makes of them. Pictures may be of any "
        "size that the generator takes; what it does not divide is cropped."
    )
    examples = (
        Example("evaluate runs/a", "every figure in a table"),
        Example("evaluate runs/a --metrics modes,kl", "only these"),
        Example("evaluate runs/a --json", "with all detail and certificates, for a program"),
        Example("evaluate runs/a --distance inception --metrics fid,recall -n 50000", "the standard FID"),
        Example("evaluate runs/a --distance inception --metrics fid -n 10000 --split test", "of the test split"),
        Example("evaluate runs/a --distance st-alexnet --metrics precision,recall --sigma 1.25", "of wider samples"),
        Example("evaluate runs/sr --images Set5/", "answers to the inputs of other pictures"),
        Example("evaluate runs/flow --steps 50 --metrics modes,calls", "flow matching, in so many steps"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
        parser.add_argument("--metrics", type=listed, metavar="A,B", help="the figures to show, by name (default: all)")
        parser.add_argument(
            "--distance", metavar="D", help="compare in this feature space; its options are --distance.KEY VALUE"
        )
        parser.add_argument("--images", type=Path, metavar="PATH", help="originals whose inputs are answered instead")
        parser.add_argument("--inputs", type=Path, metavar="PATH", help="of --images, an input for each")
        parser.add_argument(
            "-n",
            type=positive,
            metavar="N",
            help="samples for --distance (default: 5,000), or answers to each input of --images (default: 10)",
        )
        parser.add_argument(
            "--split",
            choices=("training", "test"),
            default="training",
            help="what --distance holds samples against: training data (default), or the test split they come with",
        )
        parser.add_argument("--steps", type=positive, metavar="N", help="of a flow's solver (default: its recipe's)")
        parser.add_argument(
            "--sigma",
            type=float,
            default=1.0,
            metavar="X",
            help="scale of the noise for --distance: lower, more typical samples (default: 1)",
        )

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        return parse_with_options(parser, words)

    def run(self, arguments: argparse.Namespace) -> Answer:
        if arguments.images is not None:
            return of_pictures(arguments)
        if arguments.inputs is not None:
            raise UserError("--inputs are those of --images: name the originals, too.")
        if arguments.distance is not None:
            return in_space(arguments)
        for option, standard in (("split", "training"), ("sigma", 1.0)):
            if getattr(arguments, option) != standard:
                raise UserError(f"--{option} is of --distance: name a feature space, such as --distance st-alexnet.")
        from ...runs.run import Run, evaluate_run

        run = Run(arguments.run)
        if run.finished:
            chosen(figures(run.evaluation()), arguments.metrics)  # a name that is wrong need not wait for the samples
        return told(evaluate_run(arguments.run, steps=arguments.steps), arguments.metrics)


def told(found: Evaluation, wanted: Sequence[str] | None) -> Answer:
    """The figures in ``wanted``, or all."""
    scores = chosen(figures(found), wanted)
    document = found.to_json()
    if wanted:
        headline = {score.name: score.value for score in scores}
        document = {"scores": [score.to_json() for score in scores], "headline": headline}
    return Answer(document, as_table(scores))


def figures(found: Evaluation) -> tuple[Score, ...]:
    """The scores, and what stands beside them in the headline as scores without an interval."""
    from ...core.records import Score

    scores = {score.name: score for score in found.scores}
    return tuple(scores.get(name, Score(name, value)) for name, value in found.headline().items())


def of_pictures(arguments: argparse.Namespace) -> Answer:
    """Answers to the inputs of given pictures."""
    from ...evaluation.pictures import evaluate_pictures
    from ...evaluation.protocols.conditional import EACH
    from ..drawing import open_trained
    from ..originals import pairs_in, shrinking

    for option, standard in (("distance", None), ("steps", None), ("split", "training"), ("sigma", 1.0)):
        if getattr(arguments, option) != standard:
            raise UserError(f"--{option} does not go with --images: leave one of them out.")
    require_measured(arguments.metrics or ())
    model = open_trained(arguments.run).model
    pairs = pairs_in(model, arguments.run, arguments.images, arguments.inputs)
    each, shrink = arguments.n or EACH, shrinking(arguments.run)
    return told(
        evaluate_pictures(model, pairs, each=each, seed=0, shrink=shrink, device=model.device), arguments.metrics
    )


def require_measured(wanted: Sequence[str]) -> None:
    """Refuse names of no figure of answers to given pictures, before any is answered.

    Raises:
        UserError: there is one.
    """
    from ...auditing.scores import INCEPTION, NAMES
    from ...evaluation.fidelity import ORDER

    for name in wanted:
        if name not in ORDER and (name in INCEPTION or name in NAMES):
            raise UserError(f"'{name}' does not go with --images: choose among {', '.join(ORDER)}.")
        if name not in ORDER:
            raise UserError(f"With --images there is no figure '{name}'.{did_you_mean(name, ORDER)}")


def in_space(arguments: argparse.Namespace) -> Answer:
    """Samples against training data in the feature space that was asked for."""
    from ...auditing import STANDARD
    from ...auditing.runs import measure_run
    from ...evaluation.evaluate import Evaluation
    from ...runs.run import Run

    names = arguments.metrics or STANDARD
    found = measure_run(
        Run(arguments.run),
        names,
        distance=chosen_distance(arguments),
        count=arguments.n or SAMPLES,
        split=arguments.split,
        sigma=arguments.sigma,
        steps=arguments.steps,
    )
    scores = tuple(found.values())
    certificate = scores[0].certificate
    basis = f"In {certificate['fingerprint']}, all {certificate['dimensions']:,} dimensions:"
    return Answer(Evaluation(scores).to_json(), f"{basis}\n{as_table(scores)}")


def chosen(scores: tuple[Score, ...], wanted: Sequence[str] | None) -> tuple[Score, ...]:
    """The scores named in ``wanted``, in that order; all if it is None.

    Raises:
        UserError: a name that no score has.
    """
    if wanted is None:
        return scores
    from ...auditing.scores import INCEPTION, NAMES

    known = {score.name: score for score in scores}
    for name in wanted:
        if name not in known and (name in INCEPTION or name in NAMES):
            space = "inception" if name in INCEPTION else "D, such as efficientnet-lite0"
            raise UserError(f"'{name}' is measured in a feature space of your choice: add --distance {space}.")
        if name not in known:
            raise UserError(f"This run has no figure '{name}'.{did_you_mean(name, known)}")
    return tuple(known[name] for name in wanted)


def as_table(scores: Collection[Score]) -> str:
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
