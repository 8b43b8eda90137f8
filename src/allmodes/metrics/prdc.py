"""Precision, recall, density and coverage together: the balls of data and samples are worked out once for all four.

On a large set this is what takes the time, and each pair of examples is compared no more than once.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..core.records import Score
from .density_coverage import density_coverage_of
from .neighbourhood import Crossing
from .precision_recall import precision_recall_of


def prdc(real: ArrayLike, fake: ArrayLike, *, k: int = 5, support: int | None = None) -> dict[str, Score]:
    """The scores of :func:`precision_recall` and :func:`density_coverage` by name.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        k: neighbours that decide a ball.
        support: those that decide a ball for precision and recall, if not as many.

    Raises:
        ValueError: not more than ``k`` or ``support`` examples of either, NaN, or different dimensions.
    """
    found = Crossing.several(real, fake, sorted({support or k, k}))
    by_k = {crossing.k: crossing for crossing in found}
    scores = (*precision_recall_of(by_k[support or k]), *density_coverage_of(by_k[k]))
    return {score.name: score for score in scores}
