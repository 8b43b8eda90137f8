"""Which modes are covered: the count of samples in every mode against what the data's law expects.

The colour of a mode is log2(count / expected), cut off at a quarter and at four times. With a mean count of
26 the counts of a perfect generator scatter by a fifth, so faint colours are noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from ...core.pictures import toy_frame
from ..base import Section
from ..page import fill, inline_image
from ..run_files import RunFiles
from ..words import write_figure

SPAN = 2.0  # of log2(ratio), either way
NAMED = 24
COLOURS = mpl.colormaps["PuOr"]
CHANNELS = ("red", "green", "blue", "fourth")


@dataclass(frozen=True)
class Cell:
    """One mode: place in its panel, colour, what is said of it, and whether no sample is there."""

    row: int
    column: int
    colour: str
    text: str
    missing: bool


@dataclass(frozen=True)
class Panel:
    """The modes that share all but their last two coordinates."""

    title: str
    rows: int
    columns: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Coverage:
    """Counts by mode as the evaluation left them, ``(K,)``, laid out in ``shape``."""

    counts: np.ndarray
    expected: np.ndarray
    shape: tuple[int, ...]

    @property
    def missing(self) -> np.ndarray:
        """Modes without a single sample."""
        return np.flatnonzero(self.counts == 0)

    def name(self, mode: int) -> str:
        """``"3·0·7"``."""
        return "·".join(str(index) for index in np.unravel_index(mode, self.shape))

    def names(self, modes: Sequence[int] | np.ndarray) -> str:
        """The first of them by name, and how many more there are."""
        named = ", ".join(self.name(int(mode)) for mode in modes[:NAMED])
        return named + (f" and {len(modes) - NAMED:,} more" if len(modes) > NAMED else "")


def read_coverage(run: RunFiles) -> Coverage | None:
    """The counts of a run, or None if its modes were not counted."""
    counts, law = run.detail("modes", "counts"), run.detail("modes", "law")
    if not counts or not law or len(counts) != len(law):
        return None
    shape = tuple(int(size) for size in run.detail("modes", "shape") or (len(counts),))
    if int(np.prod(shape)) != len(counts):
        shape = (len(counts),)
    observed = np.asarray(counts, dtype=np.float64)
    return Coverage(observed, np.asarray(law, dtype=np.float64) * observed.sum(), shape)


def panels(coverage: Coverage) -> list[Panel]:
    """The modes as panels of two axes each."""
    shape = coverage.shape
    rows, columns = (1, *shape)[-2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log2(coverage.counts / coverage.expected)
    colours = COLOURS((np.nan_to_num(ratio, neginf=-SPAN, posinf=SPAN).clip(-SPAN, SPAN) / SPAN + 1) / 2)
    found = []
    for number in range(len(coverage.counts) // (rows * columns)):
        cells = []
        for place in range(rows * columns):
            mode = number * rows * columns + place
            count, expected = coverage.counts[mode], coverage.expected[mode]
            text = f"{coverage.name(mode)}: {count:,.0f} samples, {expected:,.1f} expected"
            cells.append(Cell(*divmod(place, columns), to_hex(colours[mode]), text, bool(count == 0)))
        found.append(Panel(_panel_title(number, shape[:-2]), rows, columns, tuple(cells)))
    return found


def _panel_title(number: int, leading: tuple[int, ...]) -> str:
    if not leading:
        return "modes"
    indices = np.unravel_index(number, leading)
    return ", ".join(f"{CHANNELS[axis % 4]} {index}" for axis, index in enumerate(indices))


def say(run: RunFiles, coverage: Coverage) -> str:
    """What is seen, in words."""
    total, samples = len(coverage.counts), int(coverage.counts.sum())
    missing = coverage.missing
    start = f"Of {samples:,} samples, every one of the {total:,} modes received some."
    if len(missing):
        start = f"Of {samples:,} samples, none fell into {len(missing):,} of the {total:,} modes."
    covered = run.figure("modes")
    if covered is not None:
        start += f" {write_figure('modes', covered)} count as covered."
    held = np.flatnonzero((coverage.counts > 0) & (coverage.expected > 0))
    ratios = coverage.counts[held] / coverage.expected[held]
    if len(held) and ratios.min() < 1:
        worst = int(held[np.argmin(ratios)])
        start += (
            f" The thinnest that is not empty, {coverage.name(worst)}, holds {coverage.counts[worst]:,.0f}"
            f" where {coverage.expected[worst]:,.1f} are expected."
        )
    return start


def planar_picture(run: RunFiles) -> str | None:
    """Samples over the centres of the modes, for planar data that has them."""
    for score in run.scores.values():
        points, modes = score.detail.get("points"), score.detail.get("modes")
        if points and modes:
            return inline_image(toy_frame(np.asarray(points), np.zeros((0, 2)), modes=np.asarray(modes)))
    return None


class ModeCoverage(Section):
    """A heat map of all modes with the missing ones marked; for planar data the samples over the modes."""

    name = "coverage"
    order = 20
    title = "Coverage"

    def render(self, run: RunFiles) -> str | None:
        coverage, plane = read_coverage(run), planar_picture(run)
        if coverage is None:
            return fill("plane.html", plane=plane) if plane else None
        stops = [(float(share), to_hex(COLOURS(float(share)))) for share in np.linspace(0, 1, 9)]
        return fill(
            "coverage.html",
            said=say(run, coverage),
            plane=plane,
            missing=coverage.names(coverage.missing),
            panels=panels(coverage),
            dims=len(coverage.shape),
            channels=CHANNELS,
            stops=stops,
            raw=run.detail("modes", "raw"),
            corrected=run.detail("modes", "corrected"),
        )
