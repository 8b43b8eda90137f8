r"""Precision and recall as a curve (Sajjadi et al. 2018).

Both sets are binned together by k-means; from the shares :math:`p, q` of the bins,

.. math:: \alpha(\lambda) = \sum_b \min(\lambda p_b, q_b), \qquad \beta(\lambda) = \alpha(\lambda) / \lambda

are precision and recall at slope :math:`\lambda = \tan \theta`. :math:`F_8` weighs recall, :math:`F_{1/8}` precision.
Twenty bins are coarse: what is missing inside a bin is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import MiniBatchKMeans

from ..core.records import Score
from .unit import in_own_unit
from .usable import usable_count, usable_pair

Array = NDArray[np.float64]
Points = NDArray[np.floating]
ANGLES = 1_001
DRAWS = 20  # of bins anew for every run, which tell how far the figures vary
COARSE = 10  # of the angles one is taken for these, of which differences alone matter
MARGIN = 1e-6  # of the first and last angle from 0 and a right angle
SLOPES = np.tan(np.linspace(MARGIN, np.pi / 2 - MARGIN, ANGLES))


def prd_curve(
    real: ArrayLike, fake: ArrayLike, *, bins: int = 20, runs: int = 10, beta: float = 8.0, seed: int = 0
) -> tuple[Score, Score]:
    """``F_beta`` (recall), then ``F_1/beta`` (precision), each the maximum over the curve.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``; the larger set is reduced to the size of the smaller one.
        bins: of the k-means.
        runs: of k-means, whose curves are averaged.
        beta: weight of recall against precision.
        seed: of the reduction and the k-means.

    Returns:
        Two Scores; the interval is the spread over the runs where the shares of their bins are drawn anew. Detail:
        ``precision`` and ``recall`` along the curve.

    Raises:
        ValueError: fewer than ``bins`` examples of either, no bins or runs, a ``beta`` that is not positive, NaN, or
            different dimensions.
    """
    if not 0 < beta < np.inf:
        raise ValueError(f"beta must be a positive number, not {beta}")
    runs = usable_count(runs, "runs")
    data, samples = (x.numpy() for x in in_own_unit(*usable_pair(real, fake, least=usable_count(bins, "bins"))))
    rng = np.random.default_rng(seed)
    size = min(len(data), len(samples))
    first, second = (x[rng.permutation(len(x))[:size]] for x in (data, samples))
    mean, again = _curves(first, second, rng, bins=bins, seeds=range(seed, seed + runs))
    scores = []
    for name, weight in ((f"f{beta:g}", beta), (f"f1/{beta:g}", 1 / beta)):
        value = float(f_beta(mean[0], mean[1], weight))
        drawn = f_beta(again[:, 0], again[:, 1], weight)
        low, high = np.clip(value + np.quantile(drawn - drawn.mean(), [0.025, 0.975]), 0, 1)
        certificate = {"bins": bins, "runs": runs, "size": size, "seed": seed}
        detail = {"precision": mean[0].round(5).tolist(), "recall": mean[1].round(5).tolist()}
        interval = (float(low), float(high))
        scores.append(Score(name, value, interval, len(data), len(samples), certificate, detail))
    return scores[0], scores[1]


def _curves(
    first: Points, second: Points, rng: np.random.Generator, *, bins: int, seeds: Sequence[int]
) -> tuple[Array, Array]:
    """The mean curve over k-means of these seeds, and coarse ones ``(draws, 2, angles)`` of shares drawn anew."""
    curves, again, size = [], [], len(first)
    for seed in seeds:
        clusters = MiniBatchKMeans(bins, n_init=1, random_state=seed)  # the mean over runs is the better restart
        labels = clusters.fit_predict(np.concatenate([first, second]))
        p, q = (np.bincount(part, minlength=bins) / size for part in (labels[:size], labels[size:]))
        curves.append(curve(p, q))
        drawn = [rng.multinomial(size, shares, DRAWS) / size for shares in (p, q)]
        again.append(curve(drawn[0], drawn[1], SLOPES[::COARSE]))
    return np.mean(curves, axis=0), np.concatenate(again)


def curve(real: ArrayLike, fake: ArrayLike, slopes: Array = SLOPES) -> Array:
    """Precision and recall ``(..., 2, slopes)`` from the shares of the bins ``(..., b)`` (algorithm 1)."""
    p, q = (np.asarray(shares)[..., None, :] for shares in (real, fake))
    precision = np.minimum(slopes[:, None] * p, q).sum(-1)
    both: Array = np.clip(np.stack([precision, precision / slopes], axis=-2), 0, 1)
    return both


def f_beta(precision: Array, recall: Array, beta: float) -> Array:
    """The largest F-score along a curve, or several ``(..., slopes)``."""
    total = beta**2 * precision + recall
    score = np.divide((1 + beta**2) * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(score.max(-1))
