from __future__ import annotations

from itertools import permutations
from math import comb

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from allmodes.metrics import adjusted_rand, hungarian_accuracy, normalised_mutual_information, purity


def drawn(seed: int, n: int, clusters: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters that partly follow classes, and numbers of both with gaps."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    found = np.where(rng.random(n) < 0.7, labels % clusters, rng.integers(clusters, size=n))
    return 3 * found + 1, 2 * labels


CASES = [drawn(0, 300, 4, 4), drawn(1, 200, 6, 3), drawn(2, 100, 2, 5), drawn(3, 40, 1, 3), drawn(4, 40, 3, 1)]
CASES += [(np.arange(12), np.arange(12) % 4), (np.zeros(5, int), np.ones(5, int)), (np.zeros(1, int), np.zeros(1, int))]


@pytest.mark.parametrize(("clusters", "labels"), CASES)
def test_information_and_pairs_are_those_of_scikit_learn(clusters: np.ndarray, labels: np.ndarray) -> None:
    assert normalised_mutual_information(clusters, labels).value == pytest.approx(
        normalized_mutual_info_score(labels, clusters), abs=1e-12
    )
    found = adjusted_rand(clusters, labels)
    assert found.value == pytest.approx(adjusted_rand_score(labels, clusters), abs=1e-12)
    assert {type(found.value), *map(type, found.ci95 or ())} == {float}


@pytest.mark.parametrize(("clusters", "labels"), CASES[:5])
def test_accuracy_is_that_of_the_best_of_all_matches(clusters: np.ndarray, labels: np.ndarray) -> None:
    groups, classes = np.unique(clusters).tolist(), np.unique(labels).tolist()
    classes += [-1] * len(groups)  # a cluster may stand for no class
    best = max(
        sum(int(((clusters == k) & (labels == c)).sum()) for k, c in zip(groups, chosen, strict=True))
        for chosen in permutations(classes, len(groups))
    )
    found = hungarian_accuracy(clusters, labels)
    assert found.value == pytest.approx(best / len(labels))
    read = dict(found.detail["class_of"])
    assert np.mean([read.get(k) == c for k, c in zip(clusters.tolist(), labels.tolist(), strict=True)]) == found.value


@pytest.mark.parametrize(("clusters", "labels"), CASES)
def test_purity_counts_the_majority_of_every_cluster(clusters: np.ndarray, labels: np.ndarray) -> None:
    most = sum(np.bincount(labels[clusters == k]).max() for k in np.unique(clusters))
    assert purity(clusters, labels).value == pytest.approx(most / len(labels))


def test_two_clusters_of_one_class_are_pure_but_only_one_is_accurate() -> None:
    clusters, labels = np.array([0, 0, 0, 1, 1, 2, 2, 2]), np.array([0, 0, 0, 0, 0, 1, 1, 1])
    assert purity(clusters, labels).value == 1
    assert hungarian_accuracy(clusters, labels).value == 6 / 8
    assert hungarian_accuracy(clusters, labels).detail["class_of"] == [[0, 0], [2, 1]]


def test_pairs_by_hand() -> None:
    clusters, labels = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1])
    both = comb(2, 2) + comb(2, 2)
    chance = (1 + 3) * (3 + 1) / comb(5, 2)
    assert adjusted_rand(clusters, labels).value == pytest.approx((both - chance) / ((1 + 3 + 3 + 1) / 2 - chance))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 100 sets of 500 images, 95 on average; 89 or more in all but 1 of 100 repetitions. Truth: a million images."""
    truth = {f: f(*drawn(0, 1_000_000, 5, 5)).value for f in (adjusted_rand, hungarian_accuracy, purity)}
    for figure, value in truth.items():
        intervals = [figure(*drawn(seed, 500, 5, 5)).ci95 for seed in range(1, 101)]
        assert sum(low <= value <= high for low, high in filter(None, intervals)) >= 89


def test_what_is_no_numbering_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^labels: row 1 is 0.5; need whole numbers$"):
        purity([0, 1], [0, 0.5])
    with pytest.raises(ValueError, match=r"need one of each for every image, not 2 and 3$"):
        purity([0, 1], [0, 1, 1])


def test_few_images_are_said_to_be_few() -> None:
    assert normalised_mutual_information(*drawn(0, 40, 5, 5)).warnings
    assert not normalised_mutual_information(*drawn(0, 60, 5, 5)).warnings
