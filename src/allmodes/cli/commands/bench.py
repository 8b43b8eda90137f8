"""``allmodes bench``: measure what the documentation claims, on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...core.errors import UserError
from ..base import Answer, Command, Example, Parser, listed, positive


class Bench(Command):
    """Run a benchmark."""

    name = "bench"
    order = 10
    summary = "Measure searches, metrics and audits beside those of others, and how fast recipes train."
    about = (
        "search: everything is measured side by side in one run, and told as ratios. Peers that are not installed are "
        "left out: pip install 'allmodes[bench]' brings them. Close other programs first. "
        "metrics: seconds, memory and answers beside those of other packages, on the same features. "
        "audit: losses are planted in real data, and audits that find them, or see what is not there, are counted. "
        "sanity: the behaviours that measures of fidelity and coverage must show, of the audit and of others. "
        "rivals: methods of others that rank or name what is missing, beside the audit, on planted losses. "
        "training: presentations a second of recipes in either precision, and the share of matching."
    )
    examples = (
        Example("bench search --quick", "a first look in a minute or two"),
        Example("bench search --out runs/bench", "everything, with plots"),
        Example("bench metrics --threads 2", "our metrics beside those of others"),
        Example("bench training --recipes few-shot/rs-imle --threads 2", "which precision is faster here"),
        Example("bench audit --data mnist --out runs/bench", "error rates on one data set"),
        Example("bench sanity --out runs/bench", "which sanity checks the audit passes, and other measures"),
        Example("bench audit --data cifar10 --distance efficientnet-lite0 --audits 10", "in one feature space"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("subject", choices=list(SUBJECTS), metavar="SUBJECT", help=", ".join(SUBJECTS))
        parser.add_argument("--quick", action="store_true", help="fewer shapes and sizes, or 2 audits of everything")
        parser.add_argument("--recipes", type=listed, metavar="A,B", help="training: only these recipes")
        parser.add_argument("--device", metavar="D", help="training: auto, cpu or cuda (default: auto)")
        parser.add_argument("--data", metavar="NAME", help="audit, rivals: only these data, such as mnist")
        parser.add_argument(
            "--distance",
            metavar="A,B",
            help="audit: in these views (default: those of an audit); rivals: in one (pixels)",
        )
        parser.add_argument(
            "--audits", type=positive, metavar="N", help="audit: of every loss (20); sanity, rivals: repeats (10)"
        )
        parser.add_argument(
            "--images", type=positive, metavar="N", help="audit: only the first images of each data set"
        )
        parser.add_argument("--metrics", type=listed, metavar="A,B", help="audit: metrics of others to hold beside")
        parser.add_argument("--threads", type=positive, default=1, metavar="N", help="threads for all of them (1)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="also write SUBJECT.md, SUBJECT.json and plots")

    def run(self, arguments: argparse.Namespace) -> Answer:
        import torch

        from ...core.files import write_json, write_text
        from ...core.outputs import require_folder

        for option, subjects in OF_SOME.items():
            if getattr(arguments, option) is not None and arguments.subject not in subjects:
                told = (
                    f"--{option} is of bench {' and '.join(subjects)}, not of bench {arguments.subject}: leave it out."
                )
                raise UserError(told)
        if arguments.out is not None:
            require_folder(arguments.out)
        torch.set_num_threads(arguments.threads)
        answer = SUBJECTS[arguments.subject](arguments)
        if arguments.out is not None:
            write_text(arguments.out / f"{arguments.subject}.md", answer.text + "\n")
            write_json(arguments.out / f"{arguments.subject}.json", answer.document)
        return answer


def _searches(arguments: argparse.Namespace) -> Answer:
    from ...bench.plots import growth_plot, rebuild_plot
    from ...bench.search import all_tables

    machine, tables = all_tables(quick=arguments.quick, progress=_tell)
    limits = (
        f"Threads: {arguments.threads}. Measured limits: {machine.flops / 1e9:.0f} GFLOP/s in a matrix product, "
        f"{machine.stream / 1e9:.0f} GB/s in sequence, {machine.scattered / 1e9:.1f} GB/s in scattered rows."
    )
    text = "\n\n".join([limits, *(table.to_markdown() for table in tables)])
    document = {"threads": arguments.threads, "machine": vars(machine), "tables": [t.to_json() for t in tables]}
    if arguments.out is not None:
        rebuild_plot(tables[0], arguments.out / "search-rebuild.png")
        if "intrinsic dimension" in tables[-1].rows[0]:
            growth_plot(tables[-1], arguments.out / "search-growth.png")
    return Answer(document, text)


def _audits(arguments: argparse.Namespace) -> Answer:
    from ...auditing import STANDARD
    from ...bench.audit import AUDITS, SPACES, Plan, all_tables

    audits = arguments.audits or (2 if arguments.quick else AUDITS)
    spaces = SPACES if arguments.distance is None else (arguments.distance,)
    plan = Plan(audits, spaces, arguments.metrics or STANDARD, arguments.images)
    tables = all_tables(plan, data=arguments.data, progress=_tell)
    document = {"threads": arguments.threads, "tables": [table.to_json() for table in tables]}
    return Answer(document, "\n\n".join(table.to_markdown() for table in tables))


def _sanity(arguments: argparse.Namespace) -> Answer:
    from ...bench.sanity import REPEATS, all_tables

    tables = all_tables(repeats=arguments.audits or (2 if arguments.quick else REPEATS), progress=_tell)
    document = {"threads": arguments.threads, "tables": [table.to_json() for table in tables]}
    return Answer(document, tables[0].to_markdown())


def _rivals(arguments: argparse.Namespace) -> Answer:
    from ...bench.rivals import AUDITS, all_tables

    audits = arguments.audits or (2 if arguments.quick else AUDITS)
    data, space = arguments.data or "mnist", arguments.distance or "pixels"
    tables = all_tables(audits=audits, data=data, space=space, progress=_tell)
    document = {"threads": arguments.threads, "tables": [table.to_json() for table in tables]}
    return Answer(document, tables[0].to_markdown())


def _metrics(arguments: argparse.Namespace) -> Answer:
    from ...bench.metrics import all_tables

    tables = all_tables(quick=arguments.quick, progress=_tell)
    document = {"threads": arguments.threads, "tables": [table.to_json() for table in tables]}
    return Answer(document, "\n\n".join(table.to_markdown() for table in tables))


def _trainings(arguments: argparse.Namespace) -> Answer:
    from ...bench.training import QUICK, RECIPES, Plan, all_tables

    recipes = arguments.recipes or (QUICK if arguments.quick else RECIPES)
    tables = all_tables(Plan(recipes, arguments.device or "auto", arguments.threads), progress=_tell)
    document = {"threads": arguments.threads, "tables": [table.to_json() for table in tables]}
    return Answer(document, "\n\n".join(table.to_markdown() for table in tables))


def _tell(name: str) -> None:
    print(f"measuring: {name}", file=sys.stderr)


OF_SOME: dict[str, tuple[str, ...]] = dict.fromkeys(("metrics", "images"), ("audit",))
OF_SOME |= {"audits": ("audit", "sanity", "rivals")} | dict.fromkeys(("data", "distance"), ("audit", "rivals"))
OF_SOME |= dict.fromkeys(("recipes", "device"), ("training",))
SUBJECTS = {
    "search": _searches,
    "metrics": _metrics,
    "audit": _audits,
    "sanity": _sanity,
    "rivals": _rivals,
    "training": _trainings,
}
