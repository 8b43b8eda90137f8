"""Precision, recall, density and coverage together: the balls of data and samples are worked out once for all four.

On a large set this is what takes the time, and each pair of examples is compared no more than once.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..core.records import Score
from .density_coverage import density_coverage_of
from .neighbourhood import Crossing
from .precision_recall import precision_recall_of


def prdc(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> dict[str, Score]:
    """The scores of :func:`precision_recall` and :func:`density_coverage` by name, with balls of the same ``k``.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        k: neighbours that decide a ball.

    Raises:
        ValueError: not more than ``k`` examples of either, NaN, or different dimensions.
    """
    crossing = Crossing.of(real, fake, k)
    return {score.name: score for score in (*precision_recall_of(crossing), *density_coverage_of(crossing))}
