r"""How evenly do samples change on a walk between latents?

The perceptual path length (Karras, Laine & Aila 2019, section 4.1) is how fast they change at one random place of it,

.. math:: \mathbb{E}\; \epsilon^{-2}\, d\big(G(z_t), G(z_{t + \epsilon})\big)^2

A mean cannot tell a steady change from a jump. So the whole walk is looked at, in T equal steps of lengths
:math:`s_1, ..., s_T`, each a perceptual distance of neighbours: how long a step is on average, and the largest step
over the mean one. That is 1 where change is even, and T where nothing changes but once: so does a generator that has
learnt examples and nothing between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.records import Score
from .usable import usable_values


def largest_step(steps: ArrayLike) -> Score:
    """Mean over walks of the largest step over the mean step.

    Args:
        steps: distances of neighbours on each walk, ``(walks, T)``.

    Returns:
        Score with a normal interval, None for a single walk; a walk on which nothing changes counts as even. Detail:
        ``mean_step``, and the ``ratios`` of all walks.

    Raises:
        ValueError: there are no steps, or some are negative or not finite.
    """
    lengths = usable_values(steps, "steps", axes=2, least=0)
    mean, largest = lengths.mean(1), lengths.max(1)
    ratios = np.divide(largest, mean, out=np.ones_like(mean), where=mean > 0)
    value = float(ratios.mean())
    error = 1.96 * float(ratios.std(ddof=1)) / len(ratios) ** 0.5 if len(ratios) > 1 else None
    walks, count = lengths.shape
    interval = None if error is None else (max(1.0, value - error), min(float(count), value + error))
    certificate = {"walks": walks, "steps": count}
    detail = {"mean_step": float(mean.mean()), "ratios": ratios.tolist()}
    return Score("largest_step", value, interval, n_fake=walks * (count + 1), certificate=certificate, detail=detail)
