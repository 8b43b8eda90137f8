"""Where latents of a mixture lie, and where those of real images do: two axes of many dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from ..base import Section
from ..page import fill
from ..plots import GREY, VERMILION, colours_of, drawing, new_figure, to_svg
from ..run_files import RunFiles

LEGEND = 12  # colours that a legend can name
KINDS = {"pca": "PCA", "tsne": "t-SNE"}
Kind = tuple[str, Sequence[int], str]  # which points, what each belongs to, and what that is


def between_plot(found: Mapping[str, Any], kind: str, owners: int) -> Markup:
    """Latents drawn from the components beside those of real images, on the same axes."""
    places, labels = found["planes"][kind], found["labels"]
    sides: list[Kind] = [("first", found["component"], "component")]
    sides.append(("second", found["owned"], "likeliest component") if labels is None else ("second", labels, "class"))
    titles = ("drawn from the components", "real examples, inverted")
    with drawing():
        figure = new_figure(7.6, 3.9)
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes, title, (side, of, name) in zip(panels, titles, sides, strict=True):
            count = owners if name != "class" else max(of) + 1
            _scatter(axes, places[side], of, count)
            _finish(axes, f"{KINDS[kind]}, {title}", kind, found)
            if count <= LEGEND:
                axes.legend(
                    title=name,
                    fontsize=8,
                    title_fontsize=8,
                    loc="upper center",
                    bbox_to_anchor=(0.5, -0.14),
                    ncols=min(count, 6),
                    handletextpad=0.1,
                    columnspacing=0.9,
                    markerscale=2,
                )
        return to_svg(
            figure, f"{KINDS[kind]} of latents drawn from the components, and of real examples by {sides[1][2]}"
        )


def within_plot(found: Mapping[str, Any], kind: str) -> Markup:
    """Latents of one class's real images over those of the component that most of them are in."""
    places = found["planes"][kind]
    with drawing():
        figure = new_figure(3.8, 3.9)
        axes = figure.subplots()
        parts = (
            ("first", GREY, f"drawn from component {found['component'][0]}"),
            ("second", VERMILION, f"real examples of class {found['label']}"),
        )
        for side, colour, name in parts:
            xy = np.asarray(places[side], dtype=float).reshape(-1, 2)
            axes.plot(*xy.T, linestyle="", marker="o", markersize=2.6, color=colour, alpha=0.8, label=name)
        _finish(axes, KINDS[kind], kind, found)
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), handletextpad=0.1, markerscale=2)
        return to_svg(figure, f"{KINDS[kind]} of latents of one component and of real examples of one class")


def _scatter(axes: Axes, places: Sequence[Sequence[float]], of: Sequence[int], count: int) -> None:
    xy, owner = np.asarray(places, dtype=float).reshape(-1, 2), np.asarray(of)
    for number, colour in enumerate(colours_of(count)):
        axes.plot(*xy[owner == number].T, linestyle="", marker="o", markersize=2.4, color=colour, label=str(number))


def _finish(axes: Axes, title: str, kind: str, found: Mapping[str, Any]) -> None:
    axes.set_title(title, loc="left")
    axes.tick_params(labelsize=8)
    if kind == "pca":
        first, second = found["planes"]["explained"]
        axes.set_xlabel(f"first axis, {first:.0%} of the variance")
        axes.set_ylabel(f"second, {second:.0%}")
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel("neighbours, not distances")


def together(labels: Sequence[int], owned: Sequence[int]) -> float:
    """Share of images that lie in the component where most of their class do."""
    classes, components = np.asarray(labels), np.asarray(owned)
    most = sum(np.bincount(components[classes == label]).max() for label in np.unique(classes))
    return float(most / len(classes))


class LatentMaps(Section):
    """PCA and t-SNE, between the components and within one class."""

    name = "latent-maps"
    order = 42
    title = "Latents on a map"

    def render(self, run: RunFiles) -> str | None:
        if not run.mixture:
            return None
        between, within = run.mixture["maps"]["between"], run.mixture["maps"].get("within")
        kinds = [kind for kind in KINDS if kind in between["planes"]]
        labels = between["labels"]
        return fill(
            "latent_maps.html",
            between=[between_plot(between, kind, run.mixture["components"]) for kind in kinds],
            within=[within_plot(within, kind) for kind in kinds] if within else [],
            count=len(between["owned"]),
            used=len(set(between["owned"])),
            components=run.mixture["components"],
            together=together(labels, between["owned"]) if labels else None,
            certificate=between["certificate"],
            inside=within["certificate"]["inverted"] if within else None,
        )
