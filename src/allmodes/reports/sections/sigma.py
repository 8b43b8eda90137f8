"""Precision and recall as the noise around the means grows: the trade that sigma makes at sampling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ..base import Section
from ..page import fill
from ..plots import BLUE, GREY, VERMILION, calm, drawing, new_figure, to_svg
from ..run_files import RunFiles
from ..words import write_figure

NAME = 0.08  # of the axes, which a name covers
COLOURS = {"precision": BLUE, "recall": VERMILION}


def over_sigma(found: Mapping[str, Any]) -> Markup:
    """Both figures over sigma, with those of training images as dashed lines."""
    with drawing():
        figure = new_figure(3.6, 2.8)
        axes = figure.subplots()
        for name, colour in COLOURS.items():
            axes.plot(found["sigmas"], found[name], color=colour, marker="o", markersize=3.5, label=name)
            if found["ceiling"]:
                axes.axhline(found["ceiling"][name], color=colour, linewidth=1, linestyle="--", alpha=0.7)
        calm(axes)
        axes.set_ylim(0, 1.02)
        axes.set_xticks(found["sigmas"])
        axes.tick_params(axis="x", labelsize=8)
        axes.set_xlabel("sigma")
        axes.legend(fontsize=8)
        return to_svg(figure, "Precision and recall over sigma")


def curve(found: Mapping[str, Any]) -> Markup:
    """Precision over recall, a point for each sigma."""
    with drawing():
        figure = new_figure(3.6, 2.8)
        axes = figure.subplots()
        axes.plot(found["recall"], found["precision"], color=BLUE, marker="o", markersize=3.5)
        for sigma, place in _apart(found):
            axes.annotate(f"{sigma:g}", place, (4, 4), textcoords="offset points", fontsize=8)
        if found["ceiling"]:
            best = (found["ceiling"]["recall"], found["ceiling"]["precision"])
            axes.plot(*best, linestyle="", marker="D", markersize=5, color=GREY)
            axes.annotate(
                "training images", best, (-6, -12), textcoords="offset points", fontsize=8, color=GREY, ha="right"
            )
        calm(axes)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        return to_svg(figure, "Precision over recall for several sigmas")


def _apart(found: Mapping[str, Any]) -> list[tuple[float, tuple[float, float]]]:
    """The sigmas, and where they are, whose names do not cover the one before."""
    kept: list[tuple[float, tuple[float, float]]] = []
    for sigma, x, y in zip(found["sigmas"], found["recall"], found["precision"], strict=True):
        if not kept or math.dist((x, y), kept[-1][1]) > NAME:
            kept.append((sigma, (x, y)))
    return kept


def say(found: Mapping[str, Any]) -> str:
    """At which sigma both are high."""
    pairs = list(zip(found["precision"], found["recall"], strict=True))
    best = max(range(len(pairs)), key=lambda place: min(pairs[place]))
    precision, recall = (write_figure("precision", value) for value in pairs[best])
    where = f"The lesser of the two is largest at {found['sigmas'][best]:g}: precision {precision}, recall {recall}."
    return (
        "Sigma scales the noise around the means at sampling, after a training at 1: a smaller one gives more typical "
        f"samples, a larger one more different ones. {where if min(pairs[best]) else 'At no sigma are both above 0.'}"
    )


class Sigma(Section):
    """The curve, and how to sample at a point of it."""

    name = "sigma"
    order = 44
    title = "Typical or different: sigma"

    def render(self, run: RunFiles) -> str | None:
        found = run.mixture.get("sigma") if run.mixture else None
        if not found:
            return None
        plots = [over_sigma(found), curve(found)]
        return fill("sigma.html", said=say(found), plots=plots, found=found, certificate=found["certificate"])
