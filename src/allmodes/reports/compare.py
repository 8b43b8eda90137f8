"""Runs in one table: a row per recipe, its seeds folded into mean and range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from .run_files import RunFiles, read_run
from .words import title_of, write_figure

COLUMNS = ("modes", "kl", "excess_kl", "confidence", "frechet_distance", "images", "minutes")
INCIDENTAL = (
    "seed",
    "device",
    "threads",
    "log_every",
    "checkpoint_seconds",
)  # runs that differ here are one recipe


@dataclass(frozen=True)
class Cell:
    """A figure over the seeds of one recipe.

    Args:
        name: of the figure.
        mean: over the seeds.
        low: the smallest.
        high: the largest.
        seeds: how many runs it rests on.
    """

    name: str
    mean: float
    low: float
    high: float
    seeds: int

    @property
    def text(self) -> str:
        """``0.036``, or with several seeds ``0.036 (0.031 to 0.042)``."""
        mean, low, high = (write_figure(self.name, value) for value in (self.mean, self.low, self.high))
        return mean if self.seeds == 1 or low == high else f"{mean} ({low} to {high})"


@dataclass(frozen=True)
class Row:
    """A recipe.

    Args:
        recipe: its name; with the run's folder where two runs of one name were trained differently.
        cells: figures by column; None where no run has it.
        seeds: of the runs, ascending.
    """

    recipe: str
    cells: Mapping[str, Cell | None]
    seeds: tuple[int | str, ...]

    @property
    def texts(self) -> list[str]:
        """Every cell as text, in the order of :func:`headings`."""
        figures = ["–" if cell is None else cell.text for cell in self.cells.values()]
        return [self.recipe, *figures, ", ".join(map(str, self.seeds)) or "–"]


def headings() -> list[str]:
    """The titles of the columns."""
    return ["recipe", *(title_of(name) for name in COLUMNS), "seed"]


def compare_table(runs: Sequence[Path | RunFiles]) -> list[Row]:
    """One row per recipe, in the order given.

    Args:
        runs: run folders, or what :func:`read_run` made of them.

    Raises:
        UserError: a folder is not a run.
    """
    groups: dict[str, list[RunFiles]] = {}
    for run in runs:
        files = run if isinstance(run, RunFiles) else read_run(run)
        kept = {key: value for key, value in files.recipe.items() if key not in INCIDENTAL}
        groups.setdefault(f"{files.name}\n{yaml.safe_dump(kept)}", []).append(files)
    names = [group[0].name for group in groups.values()]
    return [
        _fold(f"{name} [{group[0].path.resolve().name}]" if names.count(name) > 1 else name, group)
        for name, group in zip(names, groups.values(), strict=True)
    ]


def _fold(name: str, runs: Sequence[RunFiles]) -> Row:
    cells: dict[str, Cell | None] = {}
    for column in COLUMNS:
        values = [value for run in runs if (value := _figure(run, column)) is not None]
        mean = sum(values) / len(values) if values else 0.0
        cells[column] = Cell(column, mean, min(values), max(values), len(values)) if values else None
    seeds = {run.recipe["seed"] for run in runs if isinstance(run.recipe.get("seed"), int | str)}
    return Row(name, cells, tuple(sorted(seeds, key=lambda seed: (str(type(seed)), seed))))


def _figure(run: RunFiles, column: str) -> float | None:
    if column == "images":
        return run.images
    return run.minutes if column == "minutes" else run.figure(column)


def to_markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [headings(), ["---", *["---:"] * len(COLUMNS), "---"], *(row.texts for row in rows)]
    return "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |" for line in lines) + "\n"


def to_terminal(rows: Sequence[Row]) -> Table:
    """The table for a terminal; give it to ``rich.console.Console.print``."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for position, heading in enumerate(headings()):
        figures = 0 < position <= len(COLUMNS)
        # only the recipe's name is folded in a narrow terminal, never a figure
        table.add_column(
            heading.replace(" ", "\n", 1) if figures else heading,
            justify="right" if figures else "left",
            no_wrap=position > 0,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(text.replace(" (", "\n(").replace(" to ", " to\n")) for text in row.texts))
    return table
