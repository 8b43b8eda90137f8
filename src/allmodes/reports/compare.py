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

MODES = ("modes", "kl", "excess_kl", "confidence", "frechet_distance")  # columns of runs that were not evaluated yet
PLANE = ("high_quality", "worst_distance")
FEW = ("frechet_heldout", "precision", "recall", "covered", "reached_heldout", "copied_mass")
ANSWERS = ("st_lpips_best", "diversity", "consistency", "layout_agreement", "st_lpips", "psnr", "psnr_mean", "ssim")
ALWAYS = ("images", "minutes")
COST = ("calls", "sampling_seconds")  # of a sample
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
        cells: figures by column; None where no run of this row has it. The columns are those of the whole table.
        seeds: of the runs, ascending.
    """

    recipe: str
    cells: Mapping[str, Cell | None]
    seeds: tuple[int | str, ...]

    @property
    def texts(self) -> list[str]:
        """Every cell as text, in the order of the table's headings."""
        figures = ["–" if cell is None else cell.text for cell in self.cells.values()]
        return [self.recipe, *figures, ", ".join(map(str, self.seeds)) or "–"]


def headings(rows: Sequence[Row]) -> list[str]:
    """The titles of the columns of a table."""
    return ["recipe", *(title_of(name) for name in rows[0].cells), "seed"]


def compare_table(runs: Sequence[Path | RunFiles]) -> list[Row]:
    """One row per recipe, in the order given, with the columns that some run has a figure for.

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
    columns = _columns([run for group in groups.values() for run in group])
    return [
        _fold(f"{name} [{group[0].path.resolve().name}]" if names.count(name) > 1 else name, group, columns)
        for name, group in zip(names, groups.values(), strict=True)
    ]


def cautions(runs: Sequence[Path | RunFiles]) -> list[str]:
    """Why figures of these runs may not be held against each other.

    Other data, a figure from another feature space, or a training that the recipe does not tell of as it went.

    Raises:
        UserError: a folder is not a run.
    """
    files = [run if isinstance(run, RunFiles) else read_run(run) for run in runs]
    found = []
    data = _told_apart(files, {*MODES, *PLANE, *FEW, *ANSWERS}, ("data",))
    if len(data) > 1:
        found.append(f"Figures of different data do not compare: {'; '.join(map(', '.join, data.values()))}.")
    for column in (*MODES, *FEW, *ANSWERS):
        spaces = _told_apart(files, {column}, ("features", "classifier", "protocol", "answers"))
        if len(spaces) > 1:
            parts = [f"{', '.join(names)} in {space}" for space, names in spaces.items()]
            found.append(f"'{title_of(column)}' was not measured alike: {'; '.join(parts)}.")
    found += [f"{run.path.resolve().name}: {run.ended}" for run in files if run.ended]
    return found + [
        f"{run.path.resolve().name} went on after its end. {text}" for run in files for text in run.prolonged
    ]


def _told_apart(runs: Sequence[RunFiles], names: set[str], keys: Sequence[str]) -> dict[str, list[str]]:
    """The runs' folders by what the certificates of these scores say of these keys."""
    found: dict[str, list[str]] = {}
    for run in runs:
        says = [score.certificate for name, score in run.scores.items() if name in names]
        if says:
            words = ", ".join(str(says[0][key]) for key in keys if key in says[0])
            found.setdefault(words, []).append(run.path.resolve().name)
    return found


def _columns(runs: Sequence[RunFiles]) -> tuple[str, ...]:
    """What some run has a figure of."""
    measured = [name for name in (*MODES, *PLANE, *FEW, *ANSWERS) if any(run.figure(name) is not None for run in runs)]
    cost = [name for name in COST if any(run.figure(name) is not None for run in runs)]
    return (*(measured or MODES), *ALWAYS, *cost)


def fold(name: str, runs: Sequence[Mapping[str, float]], columns: Sequence[str], seeds: Sequence[int | str]) -> Row:
    """One row from the figures of several runs.

    Args:
        name: what the row is called.
        runs: figures of each run, by name; what one has not is left out of the mean.
        columns: the figures wanted.
        seeds: of the runs.
    """
    cells: dict[str, Cell | None] = {}
    for column in columns:
        values = [run[column] for run in runs if column in run]
        mean = sum(values) / len(values) if values else 0.0
        cells[column] = Cell(column, mean, min(values), max(values), len(values)) if values else None
    return Row(name, cells, tuple(sorted(set(seeds), key=lambda seed: (str(type(seed)), seed))))


def _fold(name: str, runs: Sequence[RunFiles], columns: Sequence[str]) -> Row:
    figures = [{c: value for c in columns if (value := _figure(run, c)) is not None} for run in runs]
    seeds = [run.recipe["seed"] for run in runs if isinstance(run.recipe.get("seed"), int | str)]
    return fold(name, figures, columns, seeds)


def _figure(run: RunFiles, column: str) -> float | None:
    if column == "images":
        return run.images
    return run.minutes if column == "minutes" else run.figure(column)


def to_markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    titles = headings(rows)
    lines = [titles, ["---", *["---:"] * (len(titles) - 2), "---"], *(row.texts for row in rows)]
    return "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |" for line in lines) + "\n"


def to_terminal(rows: Sequence[Row]) -> Table:
    """The table for a terminal; give it to ``rich.console.Console.print``."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    titles = headings(rows)
    for position, heading in enumerate(titles):
        figures = 0 < position < len(titles) - 1
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
