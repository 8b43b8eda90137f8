r"""Are samples copies of the training data?

Authenticity (Alaa et al. 2022): the share of samples that are not nearer to their nearest training example than that
example is to its own nearest neighbour; one that is the same as an example is a copy, though that comes twice. Models
of today score above real held-out data in it, so the figure of the held-out data stands beside it.

The data-copying test :math:`C_T` (Meehan et al. 2020, section 3): within cells of the training data, are samples
nearer to the training data than held-out data are? A Mann-Whitney z-score a cell, averaged by the cells' mass;
below -3 says copying, above 3 underfitting. An average of k independent z-scores varies less than one: how much less
is measured by exchanging samples and held-out examples, and that is the interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from torch import Tensor

from ..core.records import Score
from ..search.certain import Cloud
from .neighbourhood import radii, share_interval
from .unit import in_own_unit
from .usable import usable, usable_count, usable_pair

Values = NDArray[np.floating]
TIE = 1e-6  # relative: what is not nearer by more than this is as near
LEAST = 2  # examples of either kind that a cell needs
EXCHANGES = 199  # of samples and held-out examples, which measure the null


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
    data, *others = _usable(train, fake=fake, heldout=heldout)
    own = radii(data, 1)
    copies, *held = (_copies(data, own, points) for points in others)
    detail: dict[str, Any] = {"copies": copies.nonzero()[:, 0].tolist()}
    if held:
        detail["heldout"] = 1 - float(held[0].double().mean())
    n, m = len(data), len(copies)
    authentic = m - int(copies.sum())
    return Score("authenticity", authentic / m, share_interval(authentic, m), n, m, detail=detail)


def memorisation(train: ArrayLike, heldout: ArrayLike, fake: ArrayLike, *, cells: int = 3, seed: int = 0) -> Score:
    """The data-copying statistic :math:`C_T`.

    Args:
        train: ``(n, D)``.
        heldout: ``(h, D)``.
        fake: ``(m, D)``.
        cells: of k-means over the training data.
        seed: of k-means and of the exchanges.

    Returns:
        Score: standard deviations, negative where samples are nearer to the training data than held-out data are. The
        interval is that of the null, measured by exchanging samples and held-out examples at random within each cell:
        it holds 0 in 95 of 100 cases if the samples are of the data's law. Detail: ``cells``, the z-score of each,
        None where it was left out; ``heldout``, how many there are; and ``p_value`` of copying, the share of exchanges
        whose value is as low, that of the sets as they are among them.

    Raises:
        ValueError: fewer than two examples of any, fewer training examples than cells, NaN, different dimensions, or
            no cell holds both kinds.
    """
    sets = _usable(train, least=usable_count(cells, "cells"), heldout=heldout, fake=fake)
    ours, theirs, samples = in_own_unit(*sets)
    clusters = KMeans(cells, n_init=1, random_state=seed).fit(ours.numpy())
    where = [clusters.predict(points.numpy()) for points in (samples, theirs)]
    near = [_nearest(sets[0], points)[0].numpy() for points in (sets[2], sets[1])]
    weights, z = _by_cell(near, where, cells, np.random.default_rng(seed))
    if not weights.any():
        raise ValueError("no cell holds both samples and held-out examples: use fewer cells")
    value, *null = weights @ z / weights.sum()
    left_out = 1 - weights.sum() / len(theirs)
    warnings = (f"{left_out:.0%} of the held-out examples lie in cells without samples.",) if left_out > 0 else ()
    scores = [float(each[0]) if weight else None for each, weight in zip(z, weights, strict=True)]
    detail = {"cells": scores, "heldout": len(theirs), "p_value": float(1 + sum(null <= value)) / (1 + EXCHANGES)}
    low, high = value - np.quantile(null, [0.975, 0.025])
    certificate = {"cells": cells, "seed": seed}
    sizes = (len(ours), len(samples))
    return Score("memorisation", float(value), (float(low), float(high)), *sizes, certificate, detail, warnings)


def _usable(train: ArrayLike, *, least: int = LEAST, **others: ArrayLike | None) -> list[Tensor]:
    """The training examples, and the other sets that there are, checked against them; all of one dtype."""
    data = usable(train, "train", least=max(least, LEAST))
    sets = [usable_pair(data, x, ("train", side))[1] for side, x in others.items() if x is not None]
    exact = max((rows.dtype for rows in (data, *sets)), key=lambda dtype: dtype.itemsize)
    return [rows.to(exact) for rows in (data, *sets)]


def _nearest(points: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of each query to its nearest point, float64 ``(q,)``, and that point's row."""
    cloud = Cloud()
    cloud.add(points)
    distances, rows = cloud.nearest(queries, 1)
    return distances[:, 0], rows[:, 0]


def _copies(train: Tensor, own: Tensor, points: Tensor) -> Tensor:
    """Which points are nearer to their nearest training example than that is to its own, or are that example."""
    distance, row = _nearest(train, points)
    return (distance < own[row] * (1 - TIE)) | (distance == 0)


def _by_cell(
    near: list[Values], where: list[Values], cells: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Values]:
    """Held-out examples of each cell that holds enough, ``(cells,)``, and what :func:`_z` finds there, or zeros."""
    weights, z = np.zeros(cells, dtype=np.int64), np.zeros((cells, 1 + EXCHANGES))
    for cell in range(cells):
        fake, heldout = (values[labels == cell] for values, labels in zip(near, where, strict=True))
        if min(len(fake), len(heldout)) >= LEAST:
            weights[cell], z[cell] = len(heldout), _z(fake, heldout, rng)
    return weights, z


def _z(fake: Values, heldout: Values, rng: np.random.Generator) -> Values:
    """Mann-Whitney's U of samples over held-out examples, in standard deviations, then that of all exchanges.

    The deviation is that of exchanges in the long run; ties have their mean rank.
    """
    m, total = len(fake), len(fake) + len(heldout)
    ranks = rankdata(np.concatenate([fake, heldout])) - (total + 1) / 2
    deviation = (m * len(heldout) / total * ranks.var(ddof=1)) ** 0.5
    orders = np.vstack([ranks, rng.permuted(np.tile(ranks, (EXCHANGES, 1)), axis=1)])
    sums = orders[:, :m].sum(1)
    return np.asarray(np.divide(sums, deviation, out=np.zeros_like(sums), where=deviation > 0))
