"""How near the nearest answer comes to the original as answers grow: is it among them?"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from ..base import Section
from ..page import fill
from ..plots import BLUE, calm, drawing, new_figure, to_svg
from ..run_files import RunFiles


def plot_nearest(distances: Sequence[float]) -> Markup:
    """The distance of the original to the nearest of 1, 2, ... answers."""
    with drawing():
        figure = new_figure(4.2, 2.6)
        axes = figure.subplots()
        axes.plot(range(1, len(distances) + 1), distances, color=BLUE, marker="o", markersize=3.5)
        calm(axes)
        axes.set_ylim(0, 1.1 * max(*distances, 1e-12))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("answers")
        axes.set_title("squared ST-LPIPS of the nearest answer", loc="left")
        return to_svg(figure, "Distance of the original to the nearest answer, over how many answers there are")


class Answers(Section):
    """The plot, and what it says."""

    name = "answers"
    order = 13
    title = "Is the original among the answers?"

    def render(self, run: RunFiles) -> str | None:
        found = run.detail("st_lpips_best", "best_of")
        if not found:
            return None
        split = run.scores["st_lpips_best"].certificate.get("split", "")
        return fill(
            "answers.html", plot=plot_nearest(found), fall=1 - found[-1] / found[0], count=len(found), split=split
        )
