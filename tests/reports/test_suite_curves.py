"""Curves of decibels begin where the members do: 0 dB is no natural end, and would press the members together."""

from __future__ import annotations

from matplotlib.figure import Figure

from allmodes.reports.suite_curves import _prepare


def lowest(measure: str) -> tuple[float, str]:
    """The lower end of the axis of values from 21 to 23, and the title."""
    axes = Figure().subplots()
    axes.plot([1, 2, 3], [21.0, 22.0, 23.0])
    _prepare(axes, measure, "minutes")
    return float(axes.get_ylim()[0]), str(axes.get_title(loc="left"))


def test_decibels_do_not_start_at_zero():
    for measure in ("psnr", "psnr_mean", "psnr_y_best", "consistency"):
        low, title = lowest(measure)
        assert 20 < low < 21
        assert title.endswith("(dB)")


def test_shares_and_counts_do():
    assert lowest("recall") == (0, "recall")
    assert lowest("ssim_best")[0] == 0
