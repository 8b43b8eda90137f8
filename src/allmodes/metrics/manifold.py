r"""Precision and recall on a manifold that is known (Lucic et al. 2018, section 5.1).

.. math:: P = \frac{1}{m} \sum_j [d(g_j, \mathcal{M}) < t], \qquad
          R = \frac{1}{n} \sum_i [\min_z |x_i - G(z)| < t], \qquad F_1 = \frac{2 P R}{P + R}

Precision asks for the distance of each sample from the manifold, recall how near the generator can get to each example
of it. Both are distances that were solved for, not estimates of a support from points.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..core.records import Score
from .neighbourhood import share_interval

THRESHOLD = 0.75


def manifold_precision_recall(
    samples: ArrayLike, examples: ArrayLike, *, threshold: float = THRESHOLD
) -> tuple[Score, Score]:
    """Precision, then recall.

    Args:
        samples: distance of each sample from the manifold, ``(m,)``.
        examples: distance of each example from what the generator can make, ``(n,)``.
        threshold: below which a distance is none, in their unit.

    Returns:
        Two Scores with the interval of a share; their detail has the median distance, that of the recall also ``f1``.

    Raises:
        ValueError: there are no distances of either kind, or some are not a number.
    """
    gaps = [np.asarray(values, dtype=np.float64) for values in (samples, examples)]
    if not all(values.ndim == 1 and len(values) and np.isfinite(values).all() for values in gaps):
        raise ValueError("need finite distances (m,) of samples and (n,) of examples")
    near = [int((values < threshold).sum()) for values in gaps]
    precision, recall = (count / len(values) for count, values in zip(near, gaps, strict=True))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    details = [{"median_distance": float(np.median(values))} for values in gaps]
    n, m = len(gaps[1]), len(gaps[0])
    certificate = {"threshold": threshold}
    return (
        Score("precision", precision, share_interval(near[0], m), n, m, certificate, details[0]),
        Score("recall", recall, share_interval(near[1], n), n, m, certificate, details[1] | {"f1": f1}),
    )
