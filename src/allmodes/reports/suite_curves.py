"""The members of a suite in one plot: a measure over presentations or over minutes of training, a line for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from .plots import TEN, calm, drawing, new_figure, plain_log, ring, to_svg
from .run_files import RunFiles
from .words import LABELS, title_of

DASHES = ("", "4 2", "1 1.5")  # for each round of the ten colours
PLACES = {"images": "presentations of training examples", "minutes": "minutes of training"}


@dataclass(frozen=True)
class Line:
    """How the trainings of a member are drawn.

    Args:
        title: of the member.
        colour: of its lines.
        dashes: as SVG has them.
        runs: its trainings.
    """

    title: str
    colour: str
    dashes: str
    runs: tuple[RunFiles, ...]


def lines_of(members: Mapping[str, Sequence[RunFiles]]) -> list[Line]:
    """A line for each member; more than ten are told apart by dashes, too."""
    return [
        Line(title, TEN[number % len(TEN)], DASHES[number // len(TEN) % len(DASHES)], tuple(runs))
        for number, (title, runs) in enumerate(members.items())
    ]


def curve(run: RunFiles, measure: str, place: str, *, whole: bool) -> tuple[list[float], list[float]]:
    """Where a run's quick looks, or its whole evaluation, measured this, and what; of two at a place, the later."""
    points = {
        entry.images: (entry.images if place == "images" else entry.seconds / 60, entry.scalars[measure])
        for entry in run.evaluations
        if measure in entry.scalars and entry.whole == whole
    }
    return [at for at, _ in points.values()], [value for _, value in points.values()]


def curves(lines: Sequence[Line], measures: Sequence[str]) -> list[str]:
    """For each measure that was looked at often during some training, a plot over presentations and one over minutes.

    Quick looks are lines, and evaluations at the end are rings apart from them: of more samples, they measure
    otherwise.
    """
    seen = [
        measure
        for measure in measures
        if any(len(curve(run, measure, "images", whole=False)[0]) > 1 for line in lines for run in line.runs)
    ]
    return [_plot(lines, measure, place) for measure in seen for place in PLACES]


def _plot(lines: Sequence[Line], measure: str, place: str) -> str:
    with drawing():
        figure = new_figure(4.6, 2.8)
        axes = figure.subplots()
        for line in lines:
            style = (0, [float(part) for part in line.dashes.split()]) if line.dashes else "-"
            for run in line.runs:
                looks, end = (curve(run, measure, place, whole=whole) for whole in (False, True))
                axes.plot(*looks, color=line.colour, linestyle=style, linewidth=1.3)
                ring(axes, *end, line.colour)
        _prepare(axes, measure, place)
        return to_svg(figure, f"{title_of(measure)} of every member over {PLACES[place]}")


def _prepare(axes: Axes, measure: str, place: str) -> None:
    calm(axes)
    axes.set_xlabel(PLACES[place])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if place == "images":
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    least = min(float(np.min(np.asarray(line.get_ydata()), initial=np.inf)) for line in axes.lines)
    log, unit = LABELS[measure].better == "less" and least > 0, LABELS[measure].unit
    axes.set_title(title_of(measure) + (" (log scale)" if log else f" ({unit})" if unit else ""), loc="left")
    if log:
        axes.set_yscale("log")
        plain_log(axes)
    elif least >= 0 and not unit:
        axes.set_ylim(bottom=0)
