"""What the model left out of the data over the course of its training."""

from __future__ import annotations

from collections.abc import Sequence

from ..base import Section
from ..page import fill
from ..plots import BLUE, CYCLE, GREY, drawing, new_figure, to_svg
from ..run_files import RunFiles
from ..watched import Look, Part, Watched, read_watch
from .curves import over_images

SHOWN = 6  # parts that have a curve
TALL = 2.0  # times its share: what is above is not the concern of this plot


def said(looks: Sequence[Look]) -> str:
    """The last look, and the look at which least was missing, in words."""
    last, best = looks[-1], min(looks, key=lambda look: (look.estimate, -look.images))
    text = (
        f"After {last.images:,} presentations the model drops about {last.estimate:.1%} of the data (at least "
        f"{last.least:.1%}). Mode collapse: {last.collapse}."
    )
    if best.images != last.images:
        text += f" It dropped least after {best.images:,}: about {best.estimate:.1%}."
    return text


def plot_mass(looks: Sequence[Look]) -> str:
    """The dropped mass and its lower bound over the presentations."""
    with drawing():
        figure = new_figure(3.4, 2.4)
        axes = figure.subplots()
        images = [look.images for look in looks]
        for word, colour, line, values in (
            ("estimate", BLUE, "-", [100 * look.estimate for look in looks]),
            ("at least, with 95% confidence", GREY, "--", [100 * look.least for look in looks]),
        ):
            axes.plot(images, values, color=colour, linestyle=line, marker="o", markersize=3, label=word)
        over_images(axes, "share of the data that is dropped")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}%")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=8)
        return to_svg(figure, "Share of the data that is dropped over the presentations of training examples")


def worst(watched: Watched) -> list[Part]:
    """The parts that were missing for longest, and of those the largest; each as the last look has it."""
    known = {(part.view, part.region): part for look in watched.looks for part in look.parts}
    times = dict.fromkeys(known, 0)
    for look in watched.looks:
        for part in look.dropped:
            times[part.view, part.region] += 1
    return sorted(known.values(), key=lambda part: (-times[part.view, part.region], -part.share))[:SHOWN]


def title_of_part(part: Part) -> str:
    """Its view, id, size, and of the labels that set it apart that which is most frequent in it."""
    common = max(part.labels.items(), key=lambda item: item[1], default=None)
    return f"{part.view} {part.region}: {part.share:.1%} of the data" + (f", above all {common[0]}" if common else "")


def plot_parts(watched: Watched, parts: Sequence[Part]) -> str:
    """How much of its due share of samples each part has over the presentations."""
    with drawing():
        figure = new_figure(3.4, 2.4)
        axes = figure.subplots()
        for colour, chosen in zip(CYCLE, parts, strict=False):
            key = chosen.view, chosen.region
            seen = [
                (look.images, part.ratio)
                for look in watched.looks
                for part in look.parts
                if key == (part.view, part.region)
            ]
            curve = [(images, ratio) for images, ratio in seen if ratio is not None]
            if curve:
                axes.plot(*zip(*curve, strict=True), color=colour, marker="o", markersize=3)
        over_images(axes, "share among samples / share of the data")
        axes.axhline(1, color=GREY, linewidth=1, linestyle="--")
        axes.set_ylim(0, TALL)
        return to_svg(figure, "Share of samples of the parts that were dropped, over the presentations")


class Watch(Section):
    """The dropped mass, and how the worst parts fared, at every look of a watch."""

    name = "watch"
    order = 26
    title = "What it left out, over its training"

    def render(self, run: RunFiles) -> str | None:
        watched = read_watch(run.path)
        if watched is None or not watched.looks:
            return None
        parts = worst(watched)
        plots = [plot_mass(watched.looks), *([plot_parts(watched, parts)] if parts else [])]
        rows = [(colour, title_of_part(part), part) for colour, part in zip(CYCLE, parts, strict=False)]
        looks = len(watched.looks)
        return fill("watch.html", said=said(watched.looks), plots=plots, rows=rows, looks=looks, basis=watched.basis)
