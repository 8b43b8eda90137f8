r"""How well clusters that were found without labels agree with classes that were known all along.

All figures are functions of the contingency table :math:`n_{kc}`, images of cluster k and class c. None depends on how
clusters are numbered, and their number need not be that of the classes.

* NMI, :math:`2 I(k; c) / (H(k) + H(c))`: mutual information over the mean of the entropies. Some papers divide by their
  geometric mean, which is never larger.
* ARI: the share of pairs of images on which both agree, moved and scaled so that chance has 0 (Hubert & Arabie 1985).
* Hungarian accuracy: the share of images whose cluster stands for their class, each class for at most one cluster, in
  the best of all matches (Kuhn 1955). What papers call ACC.
* Purity: the share of images whose class is that of most in their cluster. It grows with the number of clusters, up to
  1 for a cluster each. What the code of ClusterGAN calls ACC (Mukherjee et al. 2019).

Intervals are normal ones, of the standard error over bootstraps of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import entropy

from ..core.records import Score
from .usable import usable_values

Table = NDArray[np.float64]

DRAWS = 200
FEW = 10  # images a cluster and class, below which agreement by chance is a large part of some of the figures


def normalised_mutual_information(clusters: ArrayLike, labels: ArrayLike) -> Score:
    """NMI, from 0 to 1. See the module.

    Args:
        clusters: that each image was put into, whole numbers of at least 0, ``(n,)``.
        labels: classes of the same images, whole numbers of at least 0, ``(n,)``.

    Returns:
        Score; where both have a single group they agree, and it is 1.

    Raises:
        ValueError: no images, values that are no such numbers, or not as many of each.
    """
    return _scored("nmi", _nmi, clusters, labels)


def adjusted_rand(clusters: ArrayLike, labels: ArrayLike) -> Score:
    """ARI, at most 1, and 0 on average by chance. Arguments and errors as :func:`normalised_mutual_information`."""
    return _scored("ari", _ari, clusters, labels)


def hungarian_accuracy(clusters: ArrayLike, labels: ArrayLike) -> Score:
    """Accuracy under the best match of clusters and classes. As :func:`normalised_mutual_information`.

    Returns:
        Score; detail: ``class_of``, the pairs (cluster, class) of the match.
    """
    score = _scored("hungarian_accuracy", _matched, clusters, labels)
    rows, columns = linear_sum_assignment(np.array(score.detail["table"]), maximize=True)
    pairs = [[score.detail["clusters"][k], score.detail["classes"][c]] for k, c in zip(rows, columns, strict=True)]
    return Score(score.name, score.value, score.ci95, score.n_real, None, {}, {**score.detail, "class_of": pairs})


def purity(clusters: ArrayLike, labels: ArrayLike) -> Score:
    """Share of the majority classes. Arguments and errors as :func:`normalised_mutual_information`."""
    return _scored("purity", _purity, clusters, labels)


def _scored(name: str, figure: Callable[[Table], float], clusters: ArrayLike, labels: ArrayLike) -> Score:
    """The figure of the table, which is in the detail: ``table[k][c]`` of ``clusters[k]`` and ``classes[c]``."""
    found, known = _whole(clusters, "clusters"), _whole(labels, "labels")
    if len(found) != len(known):
        raise ValueError(f"clusters and labels: need one of each for every image, not {len(found)} and {len(known)}")
    rows, row = np.unique(found, return_inverse=True)
    columns, column = np.unique(known, return_inverse=True)
    table = np.zeros((len(rows), len(columns)))
    np.add.at(table, (row, column), 1)
    value = figure(table)
    drawn = np.random.default_rng(0).multinomial(len(found), table.ravel() / len(found), DRAWS)
    error = 1.96 * float(np.std([figure(one.reshape(table.shape).astype(np.float64)) for one in drawn], ddof=1))
    interval = (max(value - error, -1.0 if name == "ari" else 0.0), min(value + error, 1.0))
    detail: dict[str, Any] = {
        "table": table.astype(int).tolist(),
        "clusters": rows.tolist(),
        "classes": columns.tolist(),
    }
    most = max(table.shape)
    few = f"Only {len(found)} images for {most} clusters or classes: agreement by chance is part of the figure."
    return Score(name, value, interval, len(found), None, {}, detail, (few,) if len(found) < FEW * most else ())


def _whole(values: ArrayLike, side: str) -> NDArray[np.int64]:
    numbers = usable_values(values, side, "whole numbers", least=0)
    broken = np.flatnonzero(numbers != np.floor(numbers))
    if len(broken):
        raise ValueError(f"{side}: row {broken[0]} is {numbers[broken[0]]}; need whole numbers")
    return numbers.astype(np.int64)


def _nmi(table: Table) -> float:
    by_row, by_column = entropy(table.sum(1)), entropy(table.sum(0))
    if by_row + by_column == 0:
        return 1.0
    return max(0.0, float(2 * (by_row + by_column - entropy(table.ravel())) / (by_row + by_column)))


def _ari(table: Table) -> float:
    both, rows, columns = (float((sizes * (sizes - 1)).sum()) for sizes in (table, table.sum(1), table.sum(0)))
    pairs = float(table.sum() * (table.sum() - 1))
    chance, most = rows * columns / max(pairs, 1.0), (rows + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def _matched(table: Table) -> float:
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


def _purity(table: Table) -> float:
    return float(table.max(1).sum() / table.sum())
