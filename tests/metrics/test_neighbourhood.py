"""Supports of balls: identical and constant sets, offsets, direction of precision and recall, intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from allmodes.metrics import density_coverage, precision_recall
from allmodes.metrics.neighbourhood import share_interval

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("points", [RNG.normal(size=(300, 6)), np.ones((40, 6)), RNG.normal(size=(300, 6)) + 1e3])
def test_a_set_covers_itself(points: np.ndarray) -> None:
    for score in (*precision_recall(points, points), *density_coverage(points, points)[1:]):
        assert score.value == 1, score.name


def test_what_is_lost_lowers_recall_and_what_is_invented_precision() -> None:
    real = np.concatenate([RNG.normal(size=(1_000, 4)), RNG.normal(size=(1_000, 4)) + 20])
    collapsed = RNG.normal(size=(2_000, 4))
    precision, recall = precision_recall(real, collapsed)
    assert precision.value > 0.95
    assert recall.value == pytest.approx(0.5, abs=0.03)
    assert np.mean(np.array(recall.detail["missed"]) >= 1_000) > 0.95
    precision, recall = precision_recall(collapsed, real)
    assert precision.value == pytest.approx(0.5, abs=0.03)
    assert recall.value > 0.95


def test_coverage_of_the_same_law_is_what_is_expected() -> None:
    found = [density_coverage(RNG.normal(size=(800, 5)), RNG.normal(size=(600, 5))) for _ in range(5)]
    assert np.mean([coverage.value for _, coverage in found]) == pytest.approx(found[0][1].detail["expected"], abs=0.01)
    assert np.mean([density.value for density, _ in found]) == pytest.approx(1, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.integers(6, 40), st.integers(1, 4))
def test_agrees_with_all_pairs(seed: int, n: int, m: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))

    def gaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    ball = np.sort(gaps(real, real), 1)[:, k]
    fake_ball = np.sort(gaps(fake, fake), 1)[:, k]
    precision, recall = precision_recall(real, fake, k=k)
    density, coverage = density_coverage(real, fake, k=k)
    assert precision.value == pytest.approx((gaps(fake, real) <= ball).any(1).mean())
    assert recall.value == pytest.approx((gaps(real, fake) <= fake_ball).any(1).mean())
    assert density.value == pytest.approx((gaps(fake, real) <= ball).sum() / k / m)
    assert coverage.value == pytest.approx((gaps(real, fake).min(1) <= ball).mean())


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((3, 4)), np.zeros((9, 4)), "at least 4 examples"),
        (np.zeros((9, 4)), np.zeros((9, 5)), "equal D"),
        (np.full((9, 4), np.nan), np.zeros((9, 4)), "NaN"),
    ],
)
def test_what_cannot_be_measured_is_said(real: np.ndarray, fake: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        precision_recall(real, fake)


def test_small_samples_are_warned_of() -> None:
    small, large = RNG.normal(size=(50, 3)), RNG.normal(size=(1_500, 3))
    assert precision_recall(small, large)[0].warnings
    assert not precision_recall(large, large)[0].warnings


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_the_interval_of_a_share_covers_it(share: float) -> None:
    ends = np.array([share_interval(count, 200) for count in range(201)])
    covered = (ends[:, 0] <= share) & (share <= ends[:, 1])
    assert binom.pmf(np.arange(201), 200, share) @ covered >= 0.95
