"""The data-copying statistic against Mann and Whitney's, its null against the data's law; copies that come twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.neighbors import NearestNeighbors

from allmodes.metrics import authenticity, memorisation


def gaussian(n: int, seed: int, dim: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


def distances(train: np.ndarray, points: np.ndarray) -> np.ndarray:
    return NearestNeighbors(n_neighbors=1).fit(train).kneighbors(points)[0][:, 0]


@pytest.mark.parametrize("decimals", [0, 8])  # whole numbers lie at equal distances
def test_one_cell_is_the_test_of_mann_and_whitney(decimals: int) -> None:
    train, held, fake = (gaussian(n, seed).round(decimals) for n, seed in ((80, 0), (50, 1), (70, 2)))
    fake[:5] = train[:5]
    test = mannwhitneyu(
        distances(train, fake), distances(train, held), alternative="less", method="asymptotic", use_continuity=False
    )
    found = memorisation(train, held, fake, cells=1)
    assert found.value == pytest.approx(norm.ppf(test.pvalue))
    assert found.detail["cells"] == [found.value]
    assert found.detail["p_value"] == pytest.approx(test.pvalue, abs=0.1)


@pytest.mark.parametrize(("m", "h"), [(400, 300), (6_000, 5_000)])
def test_only_copies_and_none_are_the_ends_of_the_statistic_and_finite(m: int, h: int) -> None:
    """U is 0 or m h: p-values of 10^-1000 are no number, but a z-score is."""
    train, held = gaussian(50, 0), gaussian(h, 1)
    end = (3 * m * h / (m + h + 1)) ** 0.5
    copies = train[np.arange(m) % 50] + 1e-9 * gaussian(m, 2)
    for fake, expected in ((copies, -end), (copies + 100, end)):
        score = memorisation(train, held, fake, cells=1)
        assert score.value == pytest.approx(expected, rel=1e-6)
        json.dumps(score.to_json(), allow_nan=False)
        assert score.detail["p_value"] == (0.005 if expected < 0 else 1.0)


def test_where_all_distances_are_equal_nothing_is_nearer() -> None:
    score = memorisation(np.zeros((5, 2)), np.ones((4, 2)), np.ones((3, 2)), cells=1)
    assert (score.value, score.ci95, score.detail["p_value"]) == (0, (0, 0), 1)


def test_the_interval_is_that_of_the_null() -> None:
    """95 of 100 intervals hold 0 where samples are of the data's law, and p-values are as small as they say."""
    scores = [
        memorisation(gaussian(120, 3 * s), gaussian(60, 3 * s + 1), gaussian(50, 3 * s + 2), seed=s) for s in range(150)
    ]
    holds = np.array([score.ci95[0] <= 0 <= score.ci95[1] for score in scores if score.ci95])
    assert 134 <= holds.sum() <= 149  # three deviations of a binomial law
    p_values = np.array([score.detail["p_value"] for score in scores])
    assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.054)
    assert (p_values <= 0.5).mean() == pytest.approx(0.5, abs=0.123)
    widths = [score.ci95[1] - score.ci95[0] for score in scores if score.ci95]
    assert np.mean(widths) / 3.92 == pytest.approx(np.std([score.value for score in scores]), rel=0.2)


def test_cells_without_both_kinds_are_left_out_and_said() -> None:
    train = np.concatenate([gaussian(40, 0), gaussian(40, 1) + 100])
    held = np.concatenate([gaussian(30, 2), gaussian(10, 3) + 100])
    score = memorisation(train, held, gaussian(50, 4), cells=2)
    assert score.warnings == ("25% of the held-out examples lie in cells without samples.",)
    (z,) = (z for z in score.detail["cells"] if z is not None)
    assert score.value == pytest.approx(z)
    with pytest.raises(ValueError, match="no cell holds both"):
        memorisation(train, held + 1_000, gaussian(50, 4), cells=2)


def test_the_average_weighs_cells_by_their_held_out_examples() -> None:
    train = np.concatenate([gaussian(40, 0), gaussian(40, 1) + 100])
    held = np.concatenate([gaussian(60, 2), gaussian(20, 3) + 100])
    fake = np.concatenate([train[:30], gaussian(30, 5) + 100])
    score = memorisation(train, held, fake, cells=2)
    assert score.value == pytest.approx(0.75 * min(score.detail["cells"]) + 0.25 * max(score.detail["cells"]))


def test_a_copy_of_an_example_that_comes_twice_is_a_copy() -> None:
    train = np.repeat(gaussian(40, 0), 2, axis=0)
    fresh = gaussian(30, 1) + 5
    score = authenticity(train, np.concatenate([train[:10], fresh]), heldout=np.concatenate([train[:5], fresh[:15]]))
    assert score.detail["copies"] == list(range(10))
    assert (score.value, score.detail["heldout"]) == (0.75, 0.75)


def test_a_tie_is_no_copy() -> None:
    train = np.array([[0.0], [0.1], [5.0], [5.7]])
    score = authenticity(train, np.array([[-0.1], [-0.05], [6.4], [6.3]]))
    assert score.detail["copies"] == [1, 3]
