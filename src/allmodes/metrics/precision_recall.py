r"""Improved precision and recall (Kynkaanniemi et al. 2019, section 3.1).

Precision is the share of samples inside the support of the data, recall the share of data inside the support of the
samples; a support is the union of balls around its points, each as wide as the way to the k-th nearest other one.
What they cannot see: how much mass lies where. One outlier's ball is wide, and recall is high as soon as a few
samples are far apart: a part of the data can be almost lost without a change of it.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..core.records import Score
from .neighbourhood import Crossing, share_interval

FEW = 1_000


def precision_recall(real: ArrayLike, fake: ArrayLike, *, k: int = 3) -> tuple[Score, Score]:
    """Precision, then recall.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        k: neighbours that decide a ball.

    Returns:
        Two Scores with the interval of a share, for the support as it was estimated; detail of the recall:
        ``missed``, the real examples outside the support of the samples.

    Raises:
        ValueError: not more than ``k`` examples of either, NaN, or different dimensions.
    """
    return precision_recall_of(Crossing.of(real, fake, k))


def precision_recall_of(crossing: Crossing) -> tuple[Score, Score]:
    """The same from balls that are known."""
    assert crossing.around_real is not None
    inside, reached = crossing.around_fake > 0, crossing.around_real > 0
    sizes = {"n_real": len(reached), "n_fake": len(inside)}
    warnings = () if min(sizes.values()) >= FEW else (f"Fewer than {FEW:,} examples: both are biased upwards.",)
    missed = (~reached).nonzero()[:, 0].tolist()
    return tuple(  # type: ignore[return-value]
        Score(
            name,
            float(hit.double().mean()),
            share_interval(int(hit.sum()), len(hit)),
            certificate={"k": crossing.k},
            detail=detail,
            warnings=warnings,
            **sizes,
        )
        for name, hit, detail in (("precision", inside, {}), ("recall", reached, {"missed": missed}))
    )
