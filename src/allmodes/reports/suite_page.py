"""The page of a suite: who wins, the tables, curves, samples, coverage and audits side by side, and what failed.

It is made from ``results.json`` and the run folders beside it; what of these is not there is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..core.files import write_text
from .compare import headings
from .page import body_of, fill, inline_image, section_of, templates
from .run_files import RunFiles, read_run
from .suite_curves import curves, lines_of
from .suite_results import (
    RESULTS,
    Entrant,
    SuiteResults,
    failures,
    origin_of,
    read_results,
    rows_of,
    suite_markdown,
    verdict,
)

SECTIONS = ("coverage", "audit")  # of a run's report, shown side by side


def write_suite_page(folder: Path) -> None:
    """Write ``index.html`` and ``table.md`` from ``results.json`` and ``runs/`` in the folder of a suite.

    Raises:
        UserError: a file cannot be read or written, or is damaged.
    """
    results = read_results(folder / RESULTS)
    groups = [_group(results, name, members, folder) for name, members in results.groups.items()]
    page = fill(
        "suite.html",
        results=results,
        origin=origin_of(results),
        verdicts=[verdict(results, name) for name in results.groups],
        groups=groups,
        failures=failures(results),
        reports=[
            (f"{member.title} in {member.group}, seed {run.seed}", f"{run.folder}/report.html")
            for member in results.members
            for run in member.finished
            if (folder / run.folder / "report.html").exists()
        ],
        style=Markup(templates().get_template("style.css").render()),
    )
    write_text(folder / "index.html", page)
    write_text(folder / "table.md", suite_markdown(results))


def _group(results: SuiteResults, name: str, members: Sequence[Entrant], folder: Path) -> dict[str, Any]:
    """What the page shows of one group."""
    runs = {member.title: _runs(member, folder) for member in members}
    runs = {title: found for title, found in runs.items() if found}
    rows = rows_of(results, name)
    reasons = {member.title: " ".join(member.reasons) for member in members}
    lines = lines_of(runs)
    first = {title: found[0] for title, found in runs.items()}
    real = next((run.real for run in first.values() if run.real and not run.planar), None)
    beside = []
    for section in map(section_of, SECTIONS):
        bodies = [(title, body) for title, run in first.items() if (body := body_of(section, run))]
        if bodies:
            beside.append((section.title, section.name == "coverage" and real is not None, bodies))
    return {
        "name": name,
        "headings": headings(rows),
        "rows": [(row, reasons[row.recipe]) for row in rows],
        "lines": lines,
        "curves": curves(lines, results.measures),
        "real": real and inline_image(real),
        "samples": _samples(first),
        "answers": any(run.conditional for run in first.values()),
        "beside": beside,
    }


def _runs(member: Entrant, folder: Path) -> list[RunFiles]:
    """The finished trainings of a member whose folders are there."""
    places = [folder / run.folder for run in member.finished]
    return [read_run(place) for place in places if (place / "recipe.yaml").exists()]


def _samples(runs: Mapping[str, RunFiles]) -> list[tuple[str, str, str, int]]:
    """A picture of each run's samples: title, the picture, the moving one where points move, presentations."""
    return [
        (
            title,
            inline_image(run.pictures[-1].path),
            inline_image(run.animation) if run.planar and run.animation else "",
            run.pictures[-1].images,
        )
        for title, run in runs.items()
        if run.pictures
    ]
