r"""Are samples copies of the training data?

Authenticity (Alaa et al. 2022): the share of samples that are not nearer to their nearest training example than that
example is to its own nearest neighbour. Models of today score above real held-out data in it, so the figure of the
held-out data stands beside it.

The data-copying test :math:`C_T` (Meehan et al. 2020, section 3): within cells of the training data, are samples
nearer to the training data than held-out data are? A Mann-Whitney z-score a cell, averaged by the cells' mass;
below -3 says copying, above 3 underfitting.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu, norm
from sklearn.cluster import KMeans
from torch import Tensor

from ..core.records import Neighbours, Score
from ..search import Exact
from .neighbourhood import Features, radii, share_interval

LEAST = 2  # examples of either kind that a cell needs


def authenticity(train: ArrayLike, fake: ArrayLike, heldout: ArrayLike | None = None) -> Score:
    """Share of samples that are not copies.

    Args:
        train: ``(n, D)``.
        fake: ``(m, D)``.
        heldout: ``(h, D)``, real examples that were not trained on.

    Returns:
        Score; detail: ``copies``, the samples that count as copies, and ``heldout``, the figure of those.

    Raises:
        ValueError: fewer than two examples, NaN, or different dimensions.
    """
    both = Features.of(train, fake)
    own = radii(both.real, 1)
    found = _nearest(both.real, both.fake)
    copied = found.distances[:, 0] < own[found.ids[:, 0]]
    detail: dict[str, Any] = {"copies": copied.nonzero()[:, 0].tolist()}
    if heldout is not None:
        theirs = Features.of(train, heldout)
        near = _nearest(theirs.real, theirs.fake)
        detail["heldout"] = float((near.distances[:, 0] >= own[near.ids[:, 0]]).float().mean())
    n, m = len(both.real), len(both.fake)
    authentic = int((~copied).sum())
    return Score("authenticity", authentic / m, share_interval(authentic, m), n, m, detail=detail)


def memorisation(train: ArrayLike, heldout: ArrayLike, fake: ArrayLike, *, cells: int = 3, seed: int = 0) -> Score:
    """The data-copying statistic :math:`C_T`.

    Args:
        train: ``(n, D)``.
        heldout: ``(h, D)``.
        fake: ``(m, D)``.
        cells: of k-means over the training data.
        seed: of k-means.

    Returns:
        Score: standard deviations, negative where samples are nearer to the training data than held-out data are; the
        interval is that of a standard normal around it. Detail: the z-score of each cell, None where it was left out.

    Raises:
        ValueError: fewer than two examples of any, NaN, different dimensions, or no cell holds both kinds.
    """
    ours, theirs = Features.of(train, fake), Features.of(train, heldout)
    clusters = KMeans(cells, n_init=1, random_state=seed).fit(ours.real.numpy())
    where = [clusters.predict(points.numpy()) for points in (ours.fake, theirs.fake)]
    near = [_nearest(ours.real, points).distances[:, 0].numpy() for points in (ours.fake, theirs.fake)]
    scores: list[float | None] = []
    weights: list[float] = []
    for cell in range(cells):
        fakes, helds = (values[labels == cell] for values, labels in zip(near, where, strict=True))
        enough = min(len(fakes), len(helds)) >= LEAST
        scores.append(_z(fakes, helds) if enough else None)
        weights.append(len(helds) if enough else 0)
    if not sum(weights):
        raise ValueError("no cell holds both samples and held-out examples: use fewer cells")
    value = sum(weight * (score or 0.0) for weight, score in zip(weights, scores, strict=True)) / sum(weights)
    left_out = 1 - sum(weights) / len(theirs.fake)
    warnings = (f"{left_out:.0%} of the held-out examples lie in cells without samples.",) if left_out > 0 else ()
    detail = {"cells": scores, "heldout": len(theirs.fake)}
    interval = (value - 1.96, value + 1.96)
    certificate = {"cells": cells, "seed": seed}
    return Score("memorisation", value, interval, len(ours.real), len(ours.fake), certificate, detail, warnings)


def _nearest(points: Tensor, queries: Tensor) -> Neighbours:
    index = Exact(points.shape[1])
    index.add(points, borrow=True)
    return index.query(queries)


def _z(fake: NDArray[np.float32], heldout: NDArray[np.float32]) -> float:
    """Mann-Whitney's U of samples over held-out examples, in standard deviations; ties count half."""
    statistic = mannwhitneyu(fake, heldout, alternative="less", method="asymptotic", use_continuity=False)
    return float(norm.ppf(np.clip(statistic.pvalue, 1e-300, 1 - 1e-16)))
