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
from .usable import usable_values

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
        ValueError: there are no distances of either kind, some are negative or not finite, or the threshold is not
            positive.
    """
    if not 0 < threshold < np.inf:
        raise ValueError(f"threshold must be a positive number, not {threshold}")
    gaps = [usable_values(samples, "samples", least=0), usable_values(examples, "examples", least=0)]
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
