"""How sure a classifier is of samples, beside how sure it is of real images: what counting modes cannot see."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.records import Score
from .usable import usable

ROUNDED = 0.01  # by which probabilities of 8 bits of mantissa may miss a sum of 1


def confidence(fake: ArrayLike, real: ArrayLike) -> Score:
    """Mean probability of the class that is read.

    Args:
        fake: probabilities of the classes for samples, ``(n, C)``.
        real: the same for real test images, ``(m, C)``.

    Returns:
        Score with a normal interval, None for a single sample; detail: the value for real images, and both shares above
        0.9.

    Raises:
        ValueError: there are no samples or no real images, or rows are no probabilities.
    """
    ours, theirs = _largest(fake, "fake"), _largest(real, "real")
    value = float(ours.mean())
    detail = {
        "real": float(theirs.mean()),
        "above_0.9": float((ours > 0.9).mean()),
        "real_above_0.9": float((theirs > 0.9).mean()),
    }
    interval = None
    if len(ours) > 1:
        error = 1.96 * float(ours.std(ddof=1)) / len(ours) ** 0.5
        interval = (max(1 / np.shape(fake)[1], value - error), min(1.0, value + error))
    return Score("confidence", value, interval, n_real=len(theirs), n_fake=len(ours), detail=detail)


def _largest(probabilities: ArrayLike, side: str) -> NDArray[np.float64]:
    """The largest of each row, ``(n,)``."""
    rows = usable(probabilities, side).double().numpy()
    wrong = np.flatnonzero((rows.min(1) < 0) | (np.abs(rows.sum(1) - 1) > ROUNDED))
    if len(wrong):
        raise ValueError(f"{side}: row {wrong[0]} is no list of probabilities: they are at least 0 and add up to 1")
    return np.asarray(rows.max(1))
