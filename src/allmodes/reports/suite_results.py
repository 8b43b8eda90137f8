"""What a suite wrote, ``results.json``: read, folded over seeds, ranked and said in a sentence; nothing is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_object
from .compare import COST, Cell, Row, fold, to_markdown
from .words import LABELS, title_of, write_figure

RESULTS = "results.json"
SCHEMA = 1
UNEQUAL = ("images", "calls")  # what a verdict tells of the first two where it differs
TOOK = ("images", "seconds", "minutes", "images_per_second", *COST)


@dataclass(frozen=True)
class Trained:
    """One training of a member.

    Args:
        seed: that it started from.
        state: ``finished``, ``failed`` or ``unfinished``.
        reason: why it is not finished.
        folder: of the run, from the suite's folder.
        command: that trains it alone.
        figures: all that its evaluation says in one number, and what it cost.
        where: it took place: device, processor, versions.
        commit: of the code that trained it; empty where that is not known.
    """

    seed: int
    state: str
    reason: str
    folder: str
    command: str
    figures: Mapping[str, float]
    where: Mapping[str, Any]
    commit: str


@dataclass(frozen=True)
class Entrant:
    """A member with its trainings.

    Args:
        name: unique in the suite.
        title: what tables call it.
        group: the table that it stands in.
        recipe: that it was trained by.
        runs: one for each seed.
    """

    name: str
    title: str
    group: str
    recipe: str
    runs: tuple[Trained, ...]

    @property
    def finished(self) -> tuple[Trained, ...]:
        """The trainings that have figures."""
        return tuple(run for run in self.runs if run.state == "finished")

    @property
    def reasons(self) -> list[str]:
        """Why others have not, each reason once."""
        return list(dict.fromkeys(run.reason for run in self.runs if run.state != "finished"))


@dataclass(frozen=True)
class SuiteResults:
    """What a suite found.

    Args:
        name: of the suite.
        title: in words.
        about: what it shows.
        budget: that it was trained with.
        command: that made it.
        measures: that it is judged by, the first before all.
        seeds: of the trainings.
        origin: machine, commit, versions, and how many trainings shared the machine.
        members: in the order of the tables.
    """

    name: str
    title: str
    about: str
    budget: str
    command: str
    measures: tuple[str, ...]
    seeds: tuple[int, ...]
    origin: Mapping[str, Any]
    members: tuple[Entrant, ...]

    @property
    def groups(self) -> dict[str, list[Entrant]]:
        """The members by the table that they stand in."""
        found: dict[str, list[Entrant]] = {}
        for member in self.members:
            found.setdefault(member.group, []).append(member)
        return found


def read_results(path: Path) -> SuiteResults:
    """Read what a suite wrote.

    Raises:
        UserError: the file is missing, damaged, or of a later version.
    """
    document = read_object(path)
    if document.get("schema") != SCHEMA:
        raise UserError(f"{path} is no result of a suite of this version (schema {SCHEMA}).")
    try:
        return SuiteResults(
            name=str(document["suite"]),
            **{key: str(document[key]) for key in ("title", "about", "budget", "command")},
            measures=tuple(map(str, document["measures"])),
            seeds=tuple(map(int, document["seeds"])),
            origin=dict(document["origin"]),
            members=tuple(map(_entrant, document["members"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}: {error}).") from error


def _entrant(document: Mapping[str, Any]) -> Entrant:
    texts = {key: str(document[key]) for key in ("name", "title", "group", "recipe")}
    return Entrant(**texts, runs=tuple(map(_trained, document["runs"])))


def _trained(document: Mapping[str, Any]) -> Trained:
    texts = {key: str(document[key]) for key in ("state", "reason", "folder", "command")}
    figures = {str(key): float(value) for key, value in document["figures"].items() if value is not None}
    where, commit = dict(document["where"]), str(document.get("commit") or "")
    return Trained(seed=int(document["seed"]), figures=figures, where=where, commit=commit, **texts)


def rows_of(results: SuiteResults, group: str) -> list[Row]:
    """One row for each member of a group: the suite's measures, then the cost; of one without figures it is empty."""
    entrants = results.groups[group]
    wanted = dict.fromkeys((*results.measures, *TOOK))
    columns = [name for name in wanted if any(name in run.figures for one in entrants for run in one.finished)]
    return [
        fold(one.title, [run.figures for run in one.finished], columns, [run.seed for run in one.finished])
        for one in entrants
    ]


def verdict(results: SuiteResults, group: str) -> str:
    """Who is first in a group, by the first measure and where that is level by the next, in a sentence."""
    rows, start = [row for row in rows_of(results, group) if any(row.cells.values())], f"{group}: "
    if len(rows) < 2:
        return start + (f"{rows[0].recipe} alone has figures." if rows else "nothing has been trained.")
    for measure in (name for name in results.measures if LABELS[name].better):
        ranked = sorted((row for row in rows if row.cells.get(measure)), key=lambda row: _worth(row, measure))
        level = [row for row in ranked if _text(row, measure) == _text(ranked[0], measure)]
        if len(level) == 1:
            return start + _said(measure, ranked)
        if level:
            rows = level
            start += f"{listed([row.recipe for row in rows])} are level by {title_of(measure)} "
            start += f"({_text(rows[0], measure)}); of these "
    if start.endswith(": "):
        return f"{start}no member has a figure of {listed([title_of(name) for name in results.measures])}."
    return start.removesuffix("; of these ") + "."


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _said(measure: str, ranked: Sequence[Row]) -> str:
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    said = f"{first.recipe} is first by {title_of(measure)} with {_cell(first, measure).text}"
    if second is None:
        return f"{said}."
    mine, other = _cell(first, measure), _cell(second, measure)
    apart = mine.low > other.high or mine.high < other.low
    several = min(mine.seeds, other.seeds) > 1
    doubt = "" if apart and several else "; their ranges overlap" if several else "; one seed settles little"
    return f"{said}, before {second.recipe} with {other.text}{_beside(first, second)}{doubt}."


def _beside(first: Row, second: Row) -> str:
    """What the first had more or less of than the second by a tenth: a comparison of unlike things says so."""
    found = []
    for measure in UNEQUAL:
        mine, other = first.cells.get(measure), second.cells.get(measure)
        if mine and other and max(mine.mean, other.mean) > 1.1 * min(mine.mean, other.mean):
            found.append(f"{title_of(measure)} {_text(first, measure)} and {_text(second, measure)}")
    return f" ({', '.join(found)})" if found else ""


def _cell(row: Row, measure: str) -> Cell:
    cell = row.cells[measure]
    assert cell is not None
    return cell


def _worth(row: Row, measure: str) -> float:
    return _cell(row, measure).mean * (-1 if LABELS[measure].better == "more" else 1)


def _text(row: Row, measure: str) -> str:
    return write_figure(measure, _cell(row, measure).mean)


def headline(results: SuiteResults) -> str:
    """Who wins, group by group."""
    return " ".join(verdict(results, group) for group in results.groups)


def failures(results: SuiteResults) -> list[str]:
    """A sentence for every member that has not all its trainings; with the seeds, where others are trained."""
    found = []
    for member in results.members:
        for reason in member.reasons:
            seeds = [str(run.seed) for run in member.runs if run.state != "finished" and run.reason == reason]
            which = f", seed{'s' * (len(seeds) > 1)} {listed(seeds)}" if len(seeds) < len(member.runs) else ""
            found.append(f"{member.title}{which}: {reason if reason.endswith('.') else f'{reason}.'}")
    return found


def origin_of(results: SuiteResults) -> str:
    """Where the last command was given, and the commits that the figures are from, in two sentences."""
    origin = results.origin
    trained = [run.commit for member in results.members for run in member.finished]
    found = list(dict.fromkeys(filter(None, trained or [str(origin.get("commit") or "")])))
    words = [f"{commit[:9]}{' with changes' * commit.endswith('+')}" for commit in found]
    commit = f", commit{'s' * (len(found) > 1)} {listed(words)}" if found else ""
    return f"{origin['machine']}; torch {origin['torch']}, Python {origin['python']}{commit}. {origin['shared']}"


def suite_markdown(results: SuiteResults) -> str:
    """All tables of a suite in Markdown, with the command, where it was given, and what failed."""
    seeds = ", ".join(map(str, results.seeds))
    parts = [f"`{results.command}` (seeds {seeds}). {origin_of(results)}", headline(results)]
    for group in results.groups:
        rows = rows_of(results, group)
        if any(any(row.cells.values()) for row in rows):
            parts.append((f"**{group}**\n\n" if len(results.groups) > 1 else "") + to_markdown(rows).rstrip())
    if failed := failures(results):
        parts.append("\n".join(["Not trained to the end:", "", *(f"- {sentence}" for sentence in failed)]))
    return "\n\n".join(parts) + "\n"
