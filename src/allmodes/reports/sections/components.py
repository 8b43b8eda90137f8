"""What the components of a mixture prior make, and how likely each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from ..base import Section
from ..page import fill, inline_image
from ..plots import BLUE, GREY, calm, colours_of, drawing, new_figure, to_svg
from ..run_files import RunFiles

NAMED = 20  # bars whose numbers can be read
EQUAL = 1e-6  # weights that differ by less are


def weights_plot(seen: Mapping[str, Any]) -> Markup:
    """The weights of the components, and beside them, on the same axis, the shares of the classes of the data."""
    weights, shares = seen["weights"], seen["shares"]
    sides = [("component", weights, BLUE), *([("class of the data", shares, GREY)] if shares else [])]
    with drawing():
        figure = new_figure(7.2 if shares else 4.2, 2.5)
        axes = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
        for number, (axis, (name, values, colour)) in enumerate(zip(axes, sides, strict=True)):
            calm(axis)
            axis.bar(range(len(values)), values, color=colour, width=0.7)
            axis.set_xlabel(name)
            axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
            if len(values) <= NAMED:
                axis.set_xticks(range(len(values)))
            if number == 0:
                axis.set_title("share of the samples" if not shares else "share", loc="left")
        return to_svg(figure, "Weights of the components as bars, beside the shares of the classes of the data")


def cloud_plot(points: Mapping[str, Any], components: int) -> Markup:
    """Samples in the plane, in the colour of their component."""
    places, owner = np.asarray(points["xy"], dtype=float), np.asarray(points["component"])
    with drawing():
        figure = new_figure(4.2, 4.0)
        axes = figure.subplots()
        axes.set_aspect("equal", "datalim")
        axes.tick_params(labelsize=8)
        for number, colour in enumerate(colours_of(components)):
            rows = owner == number
            axes.plot(*places[rows].T, linestyle="", marker="o", markersize=2.2, color=colour)
        return to_svg(figure, "Samples in the plane, each in the colour of its component")


def say(seen: Mapping[str, Any]) -> str:
    """How likely the components are, in words."""
    weights, classes = seen["weights"], seen["classes"]
    owners = f", {len(weights) // classes} for each of {classes} classes" if classes else ""
    start = f"The prior has {len(weights):,} components{owners}."
    if max(weights) - min(weights) < EQUAL:
        return f"{start} Each is as likely as any other: {max(weights):.1%} of the samples."
    return f"{start} The likeliest makes {max(weights):.1%} of the samples, the least likely {min(weights):.1%}."


def by_classes(shares: Sequence[float] | None) -> str:
    """How often the classes of the data are, in words."""
    if not shares:
        return ""
    if max(shares) - min(shares) < EQUAL:
        return f" Of the data, each class has {max(shares):.1%}."
    return f" Of the data, the largest class has {max(shares):.1%}, the smallest {min(shares):.1%}."


def rule_of(*, tied: bool, encoded: bool) -> str:
    """What a row should hold, by what the training asks for."""
    if tied:
        return "Rows should hold their own class alone, and hold it in many forms."
    if encoded:
        return "Rows should hold one kind of the data each, the one that the encoder reads as their component."
    return (
        "Where a component has found a kind of the data, its row holds that kind alone. Nothing in the training asks "
        "for it: a row of several kinds is no fault of its samples."
    )


class Components(Section):
    """A row of samples for each component, or for each class that owns some; the weights as bars."""

    name = "components"
    order = 12
    title = "The components of the prior"

    def render(self, run: RunFiles) -> str | None:
        seen = run.mixture
        if not seen:
            return None
        points = seen["points"]
        return fill(
            "components.html",
            said=say(seen) + by_classes(seen["shares"]),
            rows=inline_image(run.components) if run.components else None,
            tied=bool(seen["classes"]),
            rule=rule_of(tied=bool(seen["classes"]), encoded=bool(run.recipe.get("encoder"))),
            cloud=cloud_plot(points, seen["components"]) if points else None,
            plot=weights_plot(seen),
        )
