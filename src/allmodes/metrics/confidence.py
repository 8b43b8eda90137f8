"""How sure a classifier is of samples, beside how sure it is of real images: what counting modes cannot see."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.records import Score


def confidence(fake: ArrayLike, real: ArrayLike) -> Score:
    """Mean probability of the class that is read.

    Args:
        fake: probabilities of the classes for samples, ``(n, C)``.
        real: the same for real test images, ``(m, C)``.

    Returns:
        Score with a normal interval; detail: the value for real images, and both shares above 0.9.

    Raises:
        ValueError: there are no samples or no real images.
    """
    if len(np.asarray(fake)) == 0 or len(np.asarray(real)) == 0:
        raise ValueError("need probabilities of at least one sample and one real image")
    ours, theirs = np.asarray(fake).max(axis=1), np.asarray(real).max(axis=1)
    value, error = float(ours.mean()), float(ours.std() / len(ours) ** 0.5)
    detail = {
        "real": float(theirs.mean()),
        "above_0.9": float((ours > 0.9).mean()),
        "real_above_0.9": float((theirs > 0.9).mean()),
    }
    interval = (value - 1.96 * error, value + 1.96 * error)
    return Score("confidence", value, interval, n_real=len(theirs), n_fake=len(ours), detail=detail)
