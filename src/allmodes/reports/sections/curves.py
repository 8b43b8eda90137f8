"""How the training went: modes and KL, losses, speed, each over the images seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator, NullFormatter, StrMethodFormatter

from ..base import Section
from ..page import fill
from ..plots import BLUE, CYCLE, GREY, calm, drawing, new_figure, to_svg
from ..run_files import Entry, RunFiles
from ..words import title_of

FIRST = ("modes", "kl")
POINTS = 600  # of a curve; a log with more lines is thinned, since a page cannot show them

Curve = tuple[list[int], list[float]]


def curves_of(entries: Sequence[Entry]) -> dict[str, Curve]:
    """Every scalar as (images, values)."""
    found: dict[str, Curve] = {}
    for entry in entries:
        for name, value in entry.scalars.items():
            images, values = found.setdefault(name, ([], []))
            images.append(entry.images)
            values.append(value)
    stride = max(1, len(entries) // POINTS)
    return {
        name: (images[::-stride][::-1], values[::-stride][::-1]) for name, (images, values) in found.items()
    }


def _prepare(axes: Axes, label: str) -> None:
    calm(axes)
    axes.set_xlabel("images seen")
    axes.set_title(label, loc="left")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_major_locator(MaxNLocator(5))


def plot_evaluations(curves: Mapping[str, Curve], total: int | None, floor: float | None) -> str:
    """One panel per measured figure."""
    names = [*(name for name in FIRST if name in curves), *(name for name in curves if name not in FIRST)][:3]
    with drawing():
        figure = new_figure(3.3 * len(names), 2.5)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            images, values = curves[name]
            axes.plot(images, values, color=BLUE, marker="o", markersize=3.5)
            _prepare(axes, title_of(name) + (" (nats, log scale)" if name == "kl" else ""))
            if name == "kl" and all(value > 0 for value in values):
                axes.set_yscale("log")
                _plain_log(axes)
            reference = {"modes": total, "kl": floor}.get(name)
            if reference:
                axes.axhline(reference, color=GREY, linewidth=1, linestyle="--")
                word = f"all {reference:,}" if name == "modes" else "real data"
                axes.annotate(
                    word,
                    (1, reference),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="bottom",
                    color=GREY,
                )
            if name == "modes":
                axes.set_ylim(0, 1.12 * max([*values, total or 0, 1]))
        return to_svg(figure, f"{', '.join(map(title_of, names))} over the images seen in training")


def _plain_log(axes: Axes) -> None:
    """Ticks as plain numbers: powers of ten, with 2 and 5 between them where there is room."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if high / low < 10 else NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)


def plot_training(curves: Mapping[str, Curve]) -> str | None:
    """Losses, speed, and the share of time spent matching, one panel each."""
    losses = [name for name in curves if name.endswith(("/loss", "/matched"))]
    kinds = [
        ("losses", losses),
        ("images per second", [name for name in ["images_per_second"] if name in curves]),
        (
            "share of time spent matching",
            [name for name in ["matching_share"] if any(curves.get(name, ((), ()))[1])],
        ),
    ]
    kinds = [(label, names) for label, names in kinds if names]
    if not kinds:
        return None
    with drawing():
        figure = new_figure(3.3 * len(kinds), 2.5)
        for axes, (label, names) in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
            for number, name in enumerate(names):
                axes.plot(
                    *curves[name],
                    color=CYCLE[number % len(CYCLE)],
                    linewidth=1.2,
                    label=name.replace("/", " "),
                )
            _prepare(axes, label)
            if label == "losses":
                axes.legend(fontsize=8)
            else:
                axes.set_ylim(bottom=0)
            if label.startswith("share"):
                axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.0%}"))
        return to_svg(figure, f"{', '.join(label for label, _ in kinds)} over the images seen in training")


class Curves(Section):
    """Modes and KL over training, then losses and speed."""

    name = "curves"
    order = 30
    title = "Training"

    def render(self, run: RunFiles) -> str | None:
        measured = curves_of(run.evaluations)
        trained = curves_of(run.train)
        measured = {
            name: curve for name, curve in measured.items() if "/" not in name and name not in trained
        }
        plots = []
        if measured:
            law, floor = run.detail("modes", "law"), run.detail("kl", "floor")
            floor = float(floor) if isinstance(floor, int | float) else None
            plots.append(plot_evaluations(measured, len(law) if law else None, floor))
        if trained and (plot := plot_training(trained)):
            plots.append(plot)
        return fill("curves.html", plots=plots) if plots else None
