"""How the training went: modes and KL, losses, speed, each over the presentations of training examples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from ..base import Section
from ..log_lines import Entry
from ..page import fill
from ..plots import BLUE, CYCLE, GREY, calm, drawing, new_figure, plain_log, ring, to_svg
from ..run_files import RunFiles
from ..words import title_of

FIRST = ("modes", "kl")
POINTS = 600  # of a curve; a log with more lines is thinned, since a page cannot show them

Curve = tuple[list[int], list[float]]


def curves_of(entries: Sequence[Entry]) -> dict[str, Curve]:
    """Every scalar as (images, values); of two at the same place the later counts."""
    points: dict[str, dict[int, float]] = {}
    for entry in entries:
        for name, value in entry.scalars.items():
            points.setdefault(name, {})[entry.images] = value
    found: dict[str, Curve] = {name: (list(curve), list(curve.values())) for name, curve in points.items()}
    stride = max(1, len(entries) // POINTS)
    return {name: (images[::-stride][::-1], values[::-stride][::-1]) for name, (images, values) in found.items()}


def over_images(axes: Axes, label: str) -> None:
    """Axes of what is shown over the presentations of training examples."""
    calm(axes)
    axes.set_xlabel("presentations of training examples")
    axes.set_title(label, loc="left")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(5))


def plot_measured(name: str, looks: Curve, end: Curve, reference: float | None) -> str:
    """One measured figure, with what it is to be held against: all modes, or the KL of real data.

    Quick looks are a line, and the evaluation at the end is a ring apart from it, for more samples are another measure.
    """
    values = looks[1] + end[1]
    with drawing():
        figure = new_figure(3.4, 2.4)
        axes = figure.subplots()
        axes.plot(*looks, color=BLUE, marker="o", markersize=3.5)
        ring(axes, *end, BLUE)
        over_images(axes, title_of(name) + (" (nats, log scale)" if name == "kl" else ""))
        if reference:
            axes.axhline(reference, color=GREY, linewidth=1, linestyle="--")
            word = f"all {reference:,}" if name == "modes" else "real data"
            edge = ("axes fraction", "data")
            axes.annotate(
                word,
                (1, reference),
                (0, 2),
                edge,
                "offset points",
                ha="right",
                va="bottom",
                color=GREY,
                fontsize=9,
            )
        if name == "modes":
            axes.set_ylim(0, 1.15 * max([*values, reference or 0, 1]))
        elif name == "kl" and all(value > 0 for value in values):
            axes.set_yscale("log")
            plain_log(axes)
        return to_svg(figure, f"{title_of(name)} over the presentations of training examples")


def plot_training(label: str, curves: Mapping[str, Curve]) -> str:
    """Scalars of the training in one plot: losses, the matched distance, speed, or the share of time spent matching."""
    with drawing():
        figure = new_figure(3.4, 2.4)
        axes = figure.subplots()
        for number, (name, curve) in enumerate(curves.items()):
            axes.plot(*curve, color=CYCLE[number % len(CYCLE)], linewidth=1.2, label=name.replace("/", " "))
        over_images(axes, label)
        if len(curves) > 1:
            axes.legend(fontsize=8)
        if label != "losses":
            axes.set_ylim(bottom=0)
        if label.startswith("share"):
            axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        return to_svg(figure, f"{label} over the presentations of training examples")


def measured_plots(run: RunFiles, known: Collection[str]) -> list[str]:
    """Modes and KL first, then what else was looked at more than once and is not known from training."""
    curves, ends = (curves_of([one for one in run.evaluations if one.whole == at_end]) for at_end in (False, True))
    law, floor = run.detail("modes", "law"), run.detail("kl", "floor")
    references = {"modes": len(law) if law else None, "kl": floor if isinstance(floor, int | float) else None}
    seen = [name for name in _lines(curves) if name not in known]
    names = [*(name for name in FIRST if name in seen), *(name for name in seen if name not in FIRST)]
    return [plot_measured(name, curves[name], ends.get(name, ([], [])), references.get(name)) for name in names[:3]]


def training_plots(curves: Mapping[str, Curve]) -> list[str]:
    """Losses, norms of gradients, speed, and where there is matching, its distance and its share of the time."""
    kinds = {
        "losses": {name: curve for name, curve in curves.items() if name.endswith(("/loss", "/matched"))},
        "norms of gradients": {name: curve for name, curve in curves.items() if name.endswith("/gradient")},
        "matched distance": {name: curves[name] for name in ["matching/distance"] if name in curves},
        "presentations per second": {name: curves[name] for name in ["images_per_second"] if name in curves},
        "share of time spent matching": {
            name: curves[name] for name in ["matching_share"] if name in curves and any(curves[name][1])
        },
    }
    return [plot_training(label, kind) for label, kind in kinds.items() if kind]


def _lines(curves: Mapping[str, Curve]) -> dict[str, Curve]:
    """Those of more than one point: of one, the page has the figure."""
    return {name: curve for name, curve in curves.items() if len(curve[0]) > 1}


class Curves(Section):
    """Modes and KL over training, then losses and speed."""

    name = "curves"
    order = 30
    title = "Training"

    def render(self, run: RunFiles) -> str | None:
        trained = curves_of(run.train)
        measured, losses = measured_plots(run, trained), training_plots(_lines(trained))
        looks = bool(measured) and any(entry.whole for entry in run.evaluations)
        matched = "matching/distance" in trained
        return fill("curves.html", plots=measured + losses, looks=looks, matched=matched) if measured + losses else None
