"""Tests of shares: their level when nothing is dropped, their power, and their intervals, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from allmodes.auditing import compare


def test_p_values_are_those_of_fishers_exact_test() -> None:
    real, fake = np.array([5, 10, 0, 30]), np.array([0, 12, 3, 15])
    found = compare(real, fake, n_real=100, n_fake=120)
    for r, f, p in zip(real, fake, found.p_value, strict=True):
        assert p == pytest.approx(fisher_exact([[f, 120 - f], [r, 100 - r]], alternative="less").pvalue)


@pytest.mark.parametrize("n_fake", [200, 2_000])
def test_false_alarms_are_at_most_the_level(n_fake: int) -> None:
    rng = np.random.default_rng(0)
    law = rng.dirichlet(np.ones(60))
    fine = np.arange(60)
    alarms = 0
    for _ in range(400):
        real, fake = rng.multinomial(500, law), rng.multinomial(n_fake, law)
        nested = [np.bincount(fine // width, weights=x) for width in (1, 4, 12) for x in (real, fake)]
        counts = [np.concatenate(nested[side::2]).astype(int) for side in (0, 1)]
        found = compare(*counts, n_real=500, n_fake=n_fake, fraction=1.0)
        alarms += bool(found.dropped.any())
    assert alarms / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_what_is_dropped_is_found_and_what_is_thinned_a_little_is_not_called_dropped() -> None:
    rng = np.random.default_rng(0)
    law = np.full(20, 0.05)
    thinned = law * np.array([0.0] + [0.7] * 5 + [1.0] * 14)
    found = compare(
        rng.multinomial(4_000, law), rng.multinomial(4_000, thinned / thinned.sum()), n_real=4_000, n_fake=4_000
    )
    assert found.dropped.tolist() == [True] + [False] * 19
    assert found.ratio[0] == 0
    assert found.high[0] < 0.1


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.0])
def test_intervals_cover_the_ratio(ratio: float) -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.poisson(40, 2_000), rng.poisson(80 * ratio, 2_000)
    found = compare(real, fake, n_real=100_000, n_fake=200_000)
    assert np.mean((found.low <= ratio) & (ratio <= found.high)) >= 0.94


def test_regions_without_data_are_never_dropped() -> None:
    found = compare(np.array([0, 50]), np.array([5, 45]), n_real=50, n_fake=50)
    assert not found.dropped.any()
    assert found.high[0] == np.inf
    assert np.isinf(found.ratio[0])


def test_what_is_expected_of_a_region_is_its_share_of_the_samples() -> None:
    found = compare(np.array([5, 10]), np.array([0, 12]), n_real=100, n_fake=150)
    assert found.expected.tolist() == [7.5, 15.0]
    assert (found.p_value <= 1).all()
