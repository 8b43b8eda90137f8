"""A suite's folder: trainings in ``runs/``, what they said in ``logs/``, ``results.json``, and pages made from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from ..core.errors import UserError
from ..core.files import parse_yaml, read_text, write_text
from ..core.locks import locked
from ..core.outputs import require_folder
from ..reports.suite_page import write_suite_page
from ..reports.suite_results import RESULTS, SuiteResults, read_results
from .base import Suite
from .origin import origin
from .results import kept_results, write_results
from .side_by_side import Field, places, train_all
from .trainings import trainings
from .view import View

MARK = "suite.yaml"  # says whose the folder is
LOCK = ".suite-lock"


def run_suite(
    suite: Suite, out: Path, *, command: str, members: Sequence[str], seeds: Sequence[int] | None, threads: int
) -> SuiteResults:
    """Train or resume what is asked for, write the pages, and return what was found.

    Args:
        suite: with its budget.
        out: its folder; one that holds this suite is gone on with.
        command: as it was typed, for the record.
        members: names of some; all if there are none.
        seeds: in place of those that the suite has.
        threads: of each training.

    Raises:
        UserError: there is no such member, or the folder is of something else.
        KeyboardInterrupt: interrupted; everything was saved, and the pages show what there is.
    """
    chosen = suite.chosen(members)
    require_folder(out, MARK)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / LOCK, "another suite is at work there"):
        _claim(suite, out)
        _require_whole(out / RESULTS)
        kept = kept_results(suite, out)
        asked = trainings(chosen, suite.seeds if seeds is None else seeds, threads, out)
        found = Field(list(asked), places(threads))
        shared = f"{len(found.places)} at a time, {threads} thread{'s' * (threads > 1)} each."
        where = {**origin(), "shared": f"Trained {shared}"}

        def note(found: Field) -> None:
            write_results(suite, out, asked, found, kept=kept, command=command, origin=where)

        try:
            with View(suite.name, len(asked)) as view:
                train_all(found, note, view.show)
        finally:
            note(found)
            write_suite_page(out)
    return read_results(out / RESULTS)


def _require_whole(results: Path) -> None:
    """Refuse results of an earlier command that cannot be read, before anything is trained."""
    if not results.exists():
        return
    try:
        read_results(results)
    except UserError as error:
        raise UserError(
            f"{str(error).removesuffix('.')}. Delete that file and give the command again: it is made anew from the "
            "trainings beside it, which stay."
        ) from error


def _claim(suite: Suite, out: Path) -> None:
    """Mark the folder as this suite's.

    Raises:
        UserError: it is another's, or has another budget.
    """
    mine = {"suite": suite.name, "budget": suite.budget}
    if (out / MARK).exists():
        there = parse_yaml(read_text(out / MARK), str(out / MARK))
        if there != mine:
            if not isinstance(there, dict) or there.keys() != mine.keys():
                raise UserError(f"{out / MARK} is damaged: choose another folder with --out.")
            raise UserError(
                f"{out} holds the suite {there['suite']} with the budget {there['budget']}, not {suite.name} with the "
                f"budget {suite.budget}: choose another folder with --out."
            )
    else:
        write_text(out / MARK, yaml.safe_dump(mine, sort_keys=False))
