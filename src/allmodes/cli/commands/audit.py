"""``allmodes audit``: which part of the data a generator leaves out."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import UserError
from ..answer import columns, on_one_screen
from ..base import Answer, Command, Example, Parser, listed, natural, share
from ..space import chosen_distances, parse_with_options
from .evaluate import as_table

if TYPE_CHECKING:
    from torch import Tensor

    from ...auditing import Examples, Findings, Mass
    from ...model import Model
    from ...reports.watched import Look

SHOWN = 10


class _Schema(argparse.Action):
    """Prints what ``audit.json`` holds, whatever else is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from ...reports.audits import schema_text

        print(schema_text(), end="")
        parser.exit()


class Audit(Command):
    """Audit a generator."""

    name = "audit"
    order = 6
    summary = "Say which part of the data a generator leaves out, and how sure that is."
    about = (
        "Data and samples are folders of images or of .tar shards, archives of images (.tar, .zip), arrays "
        "(.npy, .npz) of images (uint8, or floats from -1 to 1, 0 to 1 or 0 to 255) "
        "or features (floats [n, d]), or trained runs. If nothing is dropped, "
        "the chance that any region is called dropped, in any view, is at most 5%.\n\n"
        "With --inputs, samples are answers to inputs: one of each for every example, or a conditional model. Pictures "
        "pair by their names, others by their order. What is missing is missing given the input. A conditional run "
        "needs no --inputs where its degradation makes them of the data.\n\n"
        "With --every, the samples are those of a run in training: each checkpoint is audited as it appears, until the "
        "training ends, and those that are left of one that has ended. What is dropped over time stands in watch.json "
        "and report.html in the run's folder. Given again, it goes on; --out, if given, has the last audit.\n\n"
        "Of more than 50,000 examples or samples, so many are drawn at random.\n\n"
        "Several GPUs, or cores, share the features of large networks, each a part of the images: "
        "torchrun --nproc-per-node 2 -m allmodes.cli audit ...\n\n"
        "Labels are a .npy of [n], or a .csv: its first line names the columns, and each further line is an example, "
        "in the order of the data, or with a column 'file' that names each picture as it is below the data folder:\n\n"
        "  file,hair,smile\n  b/07.png,red,yes\n  a/01.png,grey,no"
    )
    examples = (
        Example("audit --real photos/ --fake samples/ --out audit/", "two folders; open audit/index.html"),
        Example("audit --real digits.npy --labels labels.npy --fake runs/a --out audit/", "a run, with known labels"),
        Example("audit --real a/ --fake b/ --distance pixels,st-vgg16 --out audit/", "in two views of your choice"),
        Example("audit --real real.npy --fake fake.npy --out audit/ --json", "features [n, d], used as they are"),
        Example("audit --real a/ --fake b/ --distance inception --metrics fid,kid --out audit/", "the standard FID"),
        Example("audit --real a/ --fake b/ --out audit/ --fail-above 0.05", "exit with 1 if surely more is dropped"),
        Example("audit --real data/ --fake runs/a --every", "every checkpoint of a training, a curve in its report"),
        Example(
            "audit --real originals/ --inputs small/ --fake answers/ --out audit/", "what is missing given the input"
        ),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("--real", type=Path, required=True, metavar="PATH", help="the data")
        parser.add_argument("--fake", type=Path, required=True, metavar="PATH", help="samples, or a run to draw them")
        parser.add_argument("--inputs", type=Path, metavar="PATH", help="of each example the input that it answers")
        parser.add_argument(
            "--labels", type=Path, metavar="FILE", help="labels of the data: a .npy, or a .csv (see above)"
        )
        parser.add_argument(
            "--distance",
            type=listed,
            metavar="A,B",
            help="feature spaces to look in (default: all at hand that suit the data: pixels, random-convolution, and "
            "for colour images of at least 32 x 32 st-alexnet and efficientnet-lite0); of one alone, options are "
            "--distance.KEY VALUE",
        )
        parser.add_argument("--metrics", type=listed, metavar="A,B", help="what to report of others' metrics")
        parser.add_argument(
            "--words",
            type=Path,
            metavar="FILE",
            help="words, one a line, that CLIP holds against what is missing (default where clip is a view: ours)",
        )
        parser.add_argument(
            "--fail-above",
            type=share,
            metavar="SHARE",
            help="exit with 1 where surely more of the data than this is dropped, such as 0.05",
        )
        parser.add_argument("--every", action="store_true", help="audit every checkpoint of a run, while it trains")
        parser.add_argument("--skip-damaged", action="store_true", help="leave out pictures that cannot be read")
        parser.add_argument("--seed", type=natural, default=0, metavar="S", help="of all that is random (default: 0)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="folder for audit.json, index.html and pictures")
        parser.add_argument("--schema", action=_Schema, nargs=0, help="print the JSON schema of audit.json, and leave")

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        arguments = parse_with_options(parser, words)
        if arguments.out is None and not arguments.every:
            parser.error("the following arguments are required: --out")
        return arguments

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...auditing import STANDARD, audit
        from ...core.launched import launched
        from ...core.outputs import require_folder
        from ..given import pairs_of

        if launched().rank:
            return _beside_the_first(arguments)
        if arguments.out is not None:
            require_folder(arguments.out, "audit.json")
        asked: dict[str, Any] = {
            "distance": chosen_distances(arguments) if arguments.distance else "auto",
            "labels": arguments.labels,
            "metrics": arguments.metrics or STANDARD,
            "words": arguments.words,
            "seed": arguments.seed,
            "skip_damaged": arguments.skip_damaged,
        }
        if arguments.every:
            return _watched(arguments, asked)
        real, fake, inputs = pairs_of(arguments)
        found = audit(real, fake, inputs=inputs, **asked)
        found.save(arguments.out)
        text = f"{as_text(found)}\n\nThe page: {arguments.out / 'index.html'}"
        return Answer(
            found.document(), text, _too_much(found.dropped_mass, found.answer().collapse, arguments.fail_above)
        )


def _beside_the_first(arguments: argparse.Namespace) -> Answer:
    """Make, without a word, features that the first of several processes will ask for."""
    from ...auditing import share_features
    from ..given import pairs_of

    if not arguments.every:  # where features of the samples are not kept
        with _silence():
            real, fake, inputs = pairs_of(arguments)
            distance = chosen_distances(arguments) if arguments.distance else "auto"
            skip, seed = arguments.skip_damaged, arguments.seed
            share_features(real, fake, distance=distance, inputs=inputs, seed=seed, skip_damaged=skip)
    return Answer(None, "")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Within this context nothing is printed."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def _watched(arguments: argparse.Namespace, asked: Mapping[str, Any]) -> Answer:
    """The audits of every checkpoint of a run; a line for each as it is made."""
    from ...auditing import Mass
    from ...auditing.watch import watch
    from ...data.pixels import to_float
    from ...reports.audits import holds_audit
    from ...reports.watched import WATCH
    from ..given import inputs_for

    def inputs(model: Model, data: Examples) -> Tensor | None:
        if data.images is None or (arguments.inputs is None and model.generator.conditioned != "inputs"):
            return None
        images = to_float(data.images)
        return inputs_for(model, arguments.fake, arguments.inputs, images=images, files=data.files)

    told: set[int] = set()

    def then(look: Look, found: Findings) -> None:
        print(line_of(look), file=sys.stderr)
        told.add(look.images)
        if arguments.out is not None:
            found.save(arguments.out)

    try:
        watched = watch(arguments.real, arguments.fake, inputs=inputs, then=then, **asked)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("The same command goes on where it was.") from stop
    if arguments.out is not None and not holds_audit(arguments.out):
        raise UserError(
            f"All checkpoints of {arguments.fake} were audited before, so there is no page for {arguments.out}: audit "
            f"the run without --every, or delete {arguments.fake / WATCH} to begin anew."
        )
    left = [look for look in watched.looks if not (on_one_screen() and look.images in told)]
    text = "\n".join([*map(line_of, left), f"\nThe curve: {arguments.fake / 'report.html'}"])
    last = watched.looks[-1]
    mass = Mass(last.estimate, (last.least, None))
    return Answer(watched.document(), text, _too_much(mass, last.collapse, arguments.fail_above))


def line_of(look: Look) -> str:
    """A look in a line."""
    parts = len(look.dropped)
    named = f"; {parts} {'part' if parts == 1 else 'parts'} dropped" if parts else ""
    return (
        f"After {look.images:,} presentations: about {look.estimate:.1%} of the data dropped (at least "
        f"{look.least:.1%}){named}. Mode collapse: {look.collapse}."
    )


def _too_much(mass: Mass, collapse: str, limit: float | None) -> str:
    """That surely more is dropped than the limit allows, or nothing; why not, where it is kept, goes to stderr."""
    if limit is None:
        return ""
    least, limited = f"{mass.ci95[0]:.1%}", f"the {limit:.1%} of --fail-above"
    if mass.ci95[0] > limit:
        return f"At least {least} of the data is dropped, more than {limited}."
    about = f"about {mass.estimate:.1%} of the data, at least {least}"
    if collapse == "cannot be told":
        print(f"Whether more than {limited} is dropped cannot be told: {about}.", file=sys.stderr)
    else:
        print(f"Not surely more than {limited} is dropped: {about}.", file=sys.stderr)
    return ""


def as_text(found: Findings) -> str:
    """The verdict, the dropped regions and the metrics."""
    blocks = ["\n".join([found.verdict(), *found.remarks()])]
    if found.dropped:
        several = len(found.views) > 1
        views = ("views",) if several else ()
        rows = [("region", "in the data", "samples", "expected", "ratio", "p, corrected", *views, "labels")]
        for part in found.parts[:SHOWN]:
            region = part.region
            labels = ", ".join(f"{label} ({(region.label_counts or {})[label]})" for label in list(region.typical)[:3])
            figures = (f"{region.expected_fake:.0f}", f"{region.ratio or 0:.2f}", f"{region.q_value:.1e}")
            rows.append(
                (
                    region.id,
                    str(len(region.members)),
                    str(region.n_fake),
                    *figures,
                    *((", ".join(part.views),) if several else ()),
                    labels,
                )
            )
        rest = len(found.parts) - SHOWN
        blocks.append(columns(rows) + (f"\n... and {rest} more" if rest > 0 else ""))
    basis = f"In {found.certificate['features']}, all {found.certificate['dimensions']:,} dimensions:"
    blocks.append(f"{basis}\n{as_table(found.summary.values())}")
    return "\n\n".join(blocks + [f"Note: {warning}" for warning in found.warnings])
