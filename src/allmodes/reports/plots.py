"""Plots as inline SVG: crisp at any size, in the page's own ink, so that they follow light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

# Okabe and Ito's palette: told apart by colour-blind readers
BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9"
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
GREY = "#8a8f98"
# after these, those that eyes of any kind tell apart by lightness, too; of more things colours come round again
TEN = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, "#7a4b1e", "#b5a800", "#5b3fa0", GREY)
INK = "#010203"  # a colour that nothing else has: replaced by the page's text colour

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "allmodes",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 10,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


def colours_of(count: int) -> list[str]:
    """A colour for each of so many things; those after the tenth come round again."""
    return [TEN[number % len(TEN)] for number in range(count)]


@contextmanager
def drawing() -> Iterator[None]:
    """The style of all plots, for the time of drawing one."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def ring(axes: Axes, images: Sequence[float], values: Sequence[float], colour: str) -> None:
    """The evaluation at the end, apart from the line of quick looks: of more samples, it measures otherwise."""
    axes.plot(images, values, color=colour, linestyle="", marker="o", markersize=7, markerfacecolor="none")


def calm(axes: Axes) -> None:
    """Faint horizontal rules instead of a box."""
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def plain_log(axes: Axes) -> None:
    """Ticks as plain numbers; those between the powers of ten only where the axis has few of these."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}") if high / low < 10 else NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)


def to_svg(figure: Figure, description: str) -> Markup:
    """The figure as an ``<svg>`` element that screen readers announce by ``description``."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same names in every figure
    svg = svg.replace(INK, "currentColor").replace(BLUE, f"var(--blue, {BLUE})").replace("'DejaVu Sans', ", "")
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    label = escape(description)
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))
