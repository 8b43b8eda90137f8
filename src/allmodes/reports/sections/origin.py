"""Where the KL comes from: single digits that are too rare or too frequent, or combinations that are missing.

If the channels were independent, KL(samples || data) would be the sum of the channels' own divergences. The
rest is what ties the channels together, which includes the scatter of a finite sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..base import Section
from ..page import fill
from ..plots import GREEN, GREY, INK, SKY, VERMILION, calm, drawing, new_figure, to_svg
from ..run_files import RunFiles
from ..words import write_figure

# channel colours that stay apart for colour-blind readers, in the order red, green, blue, fourth
CHANNELS = (("red", VERMILION), ("green", GREEN), ("blue", SKY), ("fourth", GREY))


def plot_parts(marginals: Sequence[float], rest: float) -> str:
    """The KL as bars: one per channel, one for the rest."""
    words = [CHANNELS[number % 4][0] for number in range(len(marginals))] + ["combinations"]
    colours = [CHANNELS[number % 4][1] for number in range(len(marginals))] + [GREY]
    values = [*marginals, rest]
    with drawing():
        figure = new_figure(4.8, 2.5)
        axes = figure.subplots()
        axes.barh(words, values, color=colours, height=0.62)
        axes.invert_yaxis()
        for place, value in enumerate(values):
            axes.annotate(
                write_figure("kl", value),
                (max(value, 0), place),
                (4, 0),
                textcoords="offset points",
                va="center",
            )
        axes.set_xlim(min(0, *values), 1.25 * max(*values, 1e-6))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("contribution to the KL (nats)")
        axes.tick_params(axis="y", length=0)
        return to_svg(figure, "Contribution to the KL of each channel's digit frequencies and of their combinations")


def plot_frequencies(counts: Sequence[Sequence[float]], law: np.ndarray | None) -> str:
    """How often each class is drawn in each channel, against the data's own frequency.

    Args:
        counts: one row per channel, one column per class.
        law: the data's frequencies, laid out as ``counts``, or None.
    """
    classes = np.arange(len(counts[0]))
    width = 0.8 / len(counts)
    with drawing():
        figure = new_figure(4.8, 2.5)
        axes = figure.subplots()
        for number, row in enumerate(counts):
            word, colour = CHANNELS[number % 4]
            place = classes - 0.4 + width * (number + 0.5)
            share = np.asarray(row) / max(sum(row), 1)
            axes.bar(place, share, width * 0.9, color=colour, label=word)
            if law is not None:
                axes.hlines(
                    law[number],
                    place - width / 2,
                    place + width / 2,
                    color=INK,
                    lw=1.2,
                )
        calm(axes)
        axes.set_xticks(classes)
        axes.set_xlabel("digit" if len(classes) == 10 else "class")
        axes.set_title("share of samples by channel" + ("; marks: data" if law is not None else ""), loc="left")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
        axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
        axes.legend(ncols=len(counts), fontsize=8, loc="upper right")
        return to_svg(figure, "Share of each digit in each channel of the samples, with the data's own share marked")


def say(kl: float, marginals: Sequence[float], rest: float, floor: float | None) -> str:
    """The origin in words."""
    single = sum(marginals)
    share = f" ({single / kl:.0%})" if kl > 0 and 0 <= single <= kl else ""
    text = (
        f"Of a KL of {write_figure('kl', kl)} nats, {write_figure('kl', single)}{share} lie in how often"
        f" single digits are drawn, and {write_figure('kl', rest)} in how they are combined."
    )
    if floor is not None:
        text += f" As many real examples would show {write_figure('kl', floor)}: the scatter of a finite sample."
    return text


class Origin(Section):
    """Per-channel frequencies against missing combinations."""

    name = "origin"
    order = 40
    title = "Where the KL comes from"

    def render(self, run: RunFiles) -> str | None:
        marginals, rest = run.detail("kl", "marginals"), run.detail("kl", "rest")
        if not marginals or not isinstance(rest, int | float):
            return None
        floor = run.detail("kl", "floor")
        floor = float(floor) if isinstance(floor, int | float) else None
        counts = run.detail("kl", "marginal_counts")
        plots = [plot_parts(marginals, rest)]
        if counts and all(len(row) == len(counts[0]) for row in counts):
            plots.append(plot_frequencies(counts, self._law(run, len(counts), len(counts[0]))))
        return fill("origin.html", said=say(run.figure("kl") or 0.0, marginals, rest, floor), plots=plots)

    def _law(self, run: RunFiles, channels: int, classes: int) -> np.ndarray | None:
        """The data's law summed to each channel, ``(channels, classes)``."""
        law = run.detail("modes", "law")
        if not law or len(law) != classes**channels:
            return None
        joint = np.asarray(law, dtype=np.float64).reshape((classes,) * channels)
        axes = range(channels)
        return np.stack([joint.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes])
