"""How far a suite is: a line for each training at work, on a terminal live, in a log file now and then."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ..core.errors import UserError
from ..core.files import parse_json
from ..reports.words import title_of, write_figure
from ..runs.run import Run
from .side_by_side import Field
from .trainings import Training

NOW_AND_THEN = 15.0  # seconds between two lines where there is no terminal
LAST = 4_096  # bytes of a log that are looked at


@dataclass(frozen=True)
class Standing:
    """How far one training is.

    Args:
        images: presented so far.
        total: to be presented.
        rate: a second, so far; None before it is known.
    """

    images: int
    total: int
    rate: float | None

    @property
    def texts(self) -> tuple[str, str, str]:
        """``51,200/100,000``, ``5,120 a second``, ``0:00:10 left``."""
        rate = f"{self.rate:,.0f} a second" if self.rate else ""
        left = f"{timedelta(seconds=int((self.total - self.images) / self.rate))} left" if self.rate else ""
        if self.images >= self.total:
            left = "evaluating"
        return f"{self.images:,}/{self.total:,}", rate, left


def standing(training: Training) -> Standing:
    """How far a training is, by the last line of its log of figures."""
    total = training.member.resolved.settings.images
    for line in reversed(_last_lines(training.folder / "metrics.jsonl")):
        try:
            entry = parse_json(line)
            return Standing(int(entry["images"]), total, entry["scalars"].get("images_per_second"))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return Standing(0, total, None)


def _last_lines(path: Path) -> list[str]:
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - LAST))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


class View(AbstractContextManager["View"]):
    """On stderr.

    Args:
        name: of the suite.
        total: trainings that there are.
    """

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = total
        self.console = Console(file=sys.stderr)
        self.live = Live(console=self.console, transient=True, auto_refresh=False)
        self.told: set[Training] = set()
        self.shown = -NOW_AND_THEN

    def __enter__(self) -> View:
        if self.console.is_terminal:
            self.live.start()
        return self

    def show(self, found: Field) -> None:
        """Say what has ended since, and how far the others are."""
        for training in (*found.done, *found.failed):
            if training not in self.told:
                self.told.add(training)
                if training not in found.before:
                    self.console.print(f"{training.title}: {_ended(training, found)}", soft_wrap=True, highlight=False)
        rows = [(training.title, *standing(training).texts) for training in found.running]
        rows += [(training.title, "trained by another process", "", "") for training in _elsewhere(found)]
        word = f"{len(found.done)} of {self.total} trained"
        word += f", {len(found.failed)} failed" if found.failed else ""
        if self.console.is_terminal:
            self.live.update(_table(f"{self.name}: {word}", rows), refresh=True)
        elif time.monotonic() - self.shown > NOW_AND_THEN and rows:
            self.shown = time.monotonic()
            lines = [" ".join(filter(None, row)) for row in rows]
            self.console.print(f"{self.name}: {word}; {'; '.join(lines)}", soft_wrap=True, highlight=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()


def _elsewhere(found: Field) -> list[Training]:
    return [training for training in found.waiting if training.elsewhere] if found.places else []


def _ended(training: Training, found: Field) -> str:
    """The figures of a training that is done, or why it failed."""
    if training in found.failed:
        return f"failed. {found.failed[training]} See {training.log}"
    try:
        headline = Run(training.folder).evaluation().headline()
    except UserError as error:
        return str(error)
    return ", ".join(f"{title_of(name)} {write_figure(name, value)}" for name, value in list(headline.items())[:4])


def _table(title: str, rows: list[tuple[str, str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(title)
    for row in rows:
        table.add_row(*row)
    return table
