"""``allmodes suite``: train or resume every member of a comparison, and show them on one page."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..answer import columns, rendered
from ..base import Answer, Command, Example, Parser, positive

if TYPE_CHECKING:
    from types import FrameType

    from ...reports.suite_results import SuiteResults


class SuiteCommand(Command):
    """Train every member of a comparison."""

    name = "suite"
    order = 6
    summary = "Train or resume every member of a comparison, and show them on one page."
    about = (
        "Members train side by side, one for each free core or GPU. Its folder has index.html, table.md, results.json\n"
        "and an ordinary run for every member and seed. Ctrl-C saves and stops; the same command goes on.\n"
        "Without a name: the list of suites. docs/suites.md says how to write one."
    )
    examples = (
        Example("suite", "which there are"),
        Example("suite toys", "every method on points in the plane, within half an hour"),
        Example("suite stacked-mnist --budget full --seeds 0,1,2", "as long as each recipe asks for"),
        Example("suite mine.yaml --members few-shot/imle", "one member of a suite of your own"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("suite", nargs="?", metavar="NAME", help="a suite's name, or a YAML file")
        parser.add_argument("--budget", choices=["quick", "full"], default="quick", help="how long (default: quick)")
        parser.add_argument(
            "--members", type=words, default=[], metavar="A,B", help="only these; others stay as they are"
        )
        parser.add_argument("--seeds", type=numbers, metavar="0,1,2", help="in place of those that the suite has")
        parser.add_argument("--out", type=Path, metavar="DIR", help="its folder (default: runs/suites/NAME-BUDGET)")
        parser.add_argument("--threads", type=positive, default=1, metavar="N", help="of each training (default: 1)")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...suites.base import load_suite, suite_names

        if arguments.suite is None:
            titles = suite_names()
            return Answer(titles, columns(list(titles.items())))
        from ...core.files import read_object
        from ...reports.suite_results import RESULTS
        from ...suites.run import run_suite

        suite = load_suite(arguments.suite, arguments.budget)
        out = arguments.out or Path("runs") / "suites" / f"{suite.name}-{suite.budget}"
        with terminable():
            found = run_suite(
                suite,
                out,
                command=typed(arguments, out),
                members=arguments.members,
                seeds=arguments.seeds,
                threads=arguments.threads,
            )
        if not any(member.finished for member in found.members):
            first = next(reason for member in found.members for reason in member.reasons)
            raise UserError(f"No member could be trained; the first says: {first} See {out / 'index.html'}")
        return Answer(read_object(out / RESULTS), summary(found, out))


def summary(found: SuiteResults, out: Path) -> str:
    """Who wins, the tables, what failed, and where the page is."""
    from ...reports import to_terminal
    from ...reports.suite_results import failures, headline, rows_of

    tables = [rendered(to_terminal(rows)) for group in found.groups if (rows := rows_of(found, group))]
    return "\n\n".join([headline(found), *tables, *failures(found), f"The page is {out / 'index.html'}"])


def typed(arguments: argparse.Namespace, out: Path) -> str:
    """The command as a person types it again."""
    found = ["allmodes", "suite", arguments.suite, "--budget", arguments.budget]
    for option in ("members", "seeds"):
        if value := getattr(arguments, option):
            found += [f"--{option}", ",".join(map(str, value))]
    found += ["--threads", str(arguments.threads)] if arguments.threads > 1 else []
    return shlex.join([*found, "--out", str(out)])


def words(text: str) -> list[str]:
    """``a,b`` as a list, as an argument type."""
    return [word for part in text.split(",") if (word := part.strip())]


def numbers(text: str) -> list[int]:
    """``0,1,2`` as a list, as an argument type."""
    found = words(text)
    if not found or not all(word.isascii() and word.isdecimal() for word in found):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of whole numbers such as 0,1,2")
    return [int(word) for word in dict.fromkeys(found)]


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Within this context the end that a system asks for (SIGTERM) is an interruption, which saves."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("Saved: the same command goes on.")

    kept = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
