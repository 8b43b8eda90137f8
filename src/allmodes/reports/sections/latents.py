"""Whether samples fall short because fresh latents are unlike those that training assigned to the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...core.records import Score
from ..base import Section
from ..page import fill, inline_image
from ..run_files import RunFiles
from ..words import write_figure

KINDS = {
    "training": "the training images themselves",
    "assigned": "samples at latents assigned in training",
    "shuffled": "at these, each coordinate shuffled",
    "fresh": "at fresh latents",
}
VIEWS = {"training": "from the training images", "heldout": "from held-out images"}
FAR = 0.5  # of what fresh samples lack
ALIKE = 0.25  # of the way from one kind to another: how near to it a third one counts as like it


@dataclass(frozen=True)
class Row:
    """Frechet distances of one kind of samples, the mean and the ends of several sets by what they are held against."""

    name: str
    cells: tuple[tuple[str, str], ...]


def rows(views: Mapping[str, Mapping[str, list[float]]]) -> list[Row]:
    """The rows of the table."""
    return [Row(name, tuple(_cell(view[kind]) for view in views.values())) for kind, name in KINDS.items()]


def _cell(distances: list[float]) -> tuple[str, str]:
    low, high = (write_figure("", end) for end in (min(distances), max(distances)))
    return write_figure("", sum(distances) / len(distances)), f"{low} to {high}"


def say(score: Score) -> str:
    """What the figures tell, in words."""
    views = score.detail["views"]
    if score.ci95 is None:
        return "Samples at fresh latents lack nothing that as many of the training images themselves do not lack, too."
    if score.ci95[1] < 0:
        return "Fresh latents serve no worse than those assigned in training. Nothing here points to the latents."
    if score.ci95[0] <= 0:
        return (
            "Fresh latents serve about as well as those assigned in training: the difference is within what another "
            "set of as many gives. Nothing here points to the latents."
        )
    low, share, high = (f"{100 * min(1.0, value):.0f}" for value in (score.ci95[0], score.value, score.ci95[1]))
    share = f"{share}% ({low} to {high}%)"
    if score.value < FAR:
        return (
            f"Of what samples at fresh latents lack, {share} is there at the latents assigned in training. The rest is "
            "missing at those, too: that is the generator's."
        )
    found = (
        f"The fault is in the latents, not in the decoder: fresh ones are not like those that it was trained at. Of "
        f"what samples at fresh latents lack, {share} is there at the assigned ones. {_why(views)}"
    )
    if "heldout" not in views:
        found += (
            " Some of that lead comes of their being chosen for these very images: --data.heldout 0.2 tells how much."
        )
    return found


def _why(views: Mapping[str, Mapping[str, list[float]]]) -> str:
    """What shuffled coordinates tell, where all views agree."""
    means = [{kind: sum(view[kind]) / len(view[kind]) for kind in KINDS} for view in views.values()]
    kept = [(mean["fresh"] - mean["shuffled"]) / (mean["fresh"] - mean["assigned"]) for mean in means]
    if min(kept) > 1 - ALIKE:
        return "Shuffled ones serve as well: single coordinates of fresh ones are off, such as too wide or too narrow."
    if max(kept) < ALIKE:
        return "Shuffled ones serve no better than fresh ones: what fresh ones lack is how coordinates go together."
    return "Shuffled ones lie between: single coordinates of fresh ones are off, and how they go together."


class ServingLatents(Section):
    """Frechet distances at assigned, shuffled and fresh latents, what they tell, and samples at the first and last."""

    name = "latents"
    order = 16
    title = "Which latents serve"

    def render(self, run: RunFiles) -> str | None:
        score = run.scores.get("prior_gap")
        if score is None:
            return None
        views = score.detail["views"]
        return fill(
            "latents.html",
            said=say(score),
            score=score,
            heads=[VIEWS.get(view, view.replace("training,", "from the training images, in")) for view in views],
            rows=rows(views),
            shares=[write_figure("prior_gap", view["share"]) for view in views.values()],
            picture=inline_image(run.latents) if run.latents else None,
        )
