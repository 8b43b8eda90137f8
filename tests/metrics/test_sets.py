"""Metrics of sets against closed forms: kernel distance, PRD, NDB, Vendi, support size, memorisation, diversity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, false_discovery_control
from threadpoolctl import threadpool_limits

from allmodes.metrics import authenticity, diversity, kernel_distance, memorisation, ndb, prd_curve, support_size, vendi
from allmodes.metrics.prd import curve, f_beta


def gaussian(n: int, dim: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)) + shift


def test_kernel_distance_of_the_same_law_is_zero_within_its_interval() -> None:
    found = [kernel_distance(gaussian(200, 6, 2 * s), gaussian(150, 6, 2 * s + 1)) for s in range(60)]
    assert abs(np.mean([s.value for s in found])) < 3 * np.std([s.value for s in found]) / 60**0.5
    assert min(s.value for s in found) < 0  # unbiased, so sometimes below
    assert np.mean([s.ci95[0] <= 0 <= s.ci95[1] for s in found]) >= 0.9


def test_kernel_distance_grows_with_the_shift() -> None:
    values = [kernel_distance(gaussian(300, 6, 0), gaussian(300, 6, 1, shift)).value for shift in (0, 0.3, 0.6)]
    assert values == sorted(values)


def test_prd_of_known_shares() -> None:
    precision, recall = curve(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    assert precision.max() == pytest.approx(1, abs=1e-5)
    assert recall.max() == pytest.approx(0.5, abs=1e-5)
    same = curve(np.array([0.2, 0.8]), np.array([0.2, 0.8]))
    assert f_beta(same[0], same[1], 8) == pytest.approx(1, abs=0.01)
    assert f_beta(*curve(np.array([1.0, 0.0]), np.array([0.0, 1.0])), 8) == 0


def test_prd_tells_what_is_lost_from_what_is_invented() -> None:
    real = np.concatenate([gaussian(400, 3, 0), gaussian(400, 3, 1, 15.0)])
    recall, precision = prd_curve(real, gaussian(500, 3, 2), bins=10, runs=3)
    assert recall.name == "f8"
    assert recall.value == pytest.approx(0.5, abs=0.05)
    assert precision.value > 0.9


def test_ndb_flags_the_bins_that_were_emptied_and_chance_flags_few() -> None:
    real = np.concatenate([gaussian(500, 2, s, 12.0 * s) for s in range(4)])
    same = np.concatenate([gaussian(500, 2, 10 + s, 12.0 * s) for s in range(4)])
    null = ndb(real, same, bins=20)
    assert null.value <= 0.25
    assert len(null.detail["after_correction"]) <= 1
    lost = ndb(real, same[:1_500], bins=20)
    emptied = [b for b, share in enumerate(lost.detail["fake_shares"]) if share == 0]
    assert set(emptied) <= set(lost.detail["dropped"])
    assert sum(lost.detail["real_shares"][b] for b in emptied) == pytest.approx(0.25, abs=0.02)
    p, q = (np.array(lost.detail[key]) for key in ("real_shares", "fake_shares"))
    middle = (p + q) / 2
    expected = sum(0.5 * x[x > 0] @ np.log(x[x > 0] / middle[x > 0]) for x in (p, q))
    assert lost.detail["jensen_shannon"] == pytest.approx(expected)


@pytest.mark.parametrize("dim", [12, 400])
def test_vendi_counts_orthogonal_groups(dim: int) -> None:
    groups = np.eye(dim)[np.arange(120) % 6]
    found = vendi(np.eye(dim)[np.arange(300) % 12], groups)
    assert found.value == pytest.approx(6)
    assert found.detail["real"] == pytest.approx(12, rel=0.1)


def test_support_size_of_a_generator_that_repeats() -> None:
    real, atoms = gaussian(500, 10, 0), gaussian(50, 10, 1)
    fake = atoms[np.random.default_rng(2).integers(0, 50, 2_000)]
    found = support_size(real, fake)
    assert found.value == pytest.approx(50, rel=0.05)
    assert found.ci95[0] < found.value < found.ci95[1]
    assert support_size(real, real).value > 1_000
    assert support_size(real, atoms[:10], threshold=1e-9).value == float("inf")


def test_copies_are_found_and_fresh_examples_are_not() -> None:
    train, held, fresh = gaussian(600, 6, 0), gaussian(400, 6, 1), gaussian(400, 6, 2)
    copies = train[np.random.default_rng(3).integers(0, 600, 400)] + gaussian(400, 6, 4) * 0.01
    assert memorisation(train, held, copies).value < -10
    assert abs(memorisation(train, held, fresh).value) < 3
    assert memorisation(train, held, fresh + 3).value > 3
    half = np.concatenate([copies[:200], fresh[:200]])
    mixed, honest = authenticity(train, half, held), authenticity(train, fresh, held)
    assert set(range(200)) <= set(mixed.detail["copies"])
    assert mixed.value == pytest.approx(honest.value / 2, abs=0.05)
    assert honest.value == pytest.approx(honest.detail["heldout"], abs=0.1)


def test_diversity_within_conditions() -> None:
    fake = np.concatenate([np.zeros((5, 3)), np.repeat([[0.0, 0, 0], [3.0, 4, 0]], 1, axis=0)])
    found = diversity(fake, np.array([0] * 5 + [1] * 2))
    assert found.detail["each"] == [0.0, 5.0]
    assert found.value == 2.5
    with pytest.raises(ValueError, match="two samples"):
        diversity(fake[:2], np.array([0, 1]))


def test_diversity_needs_whole_conditions_and_its_interval_starts_at_nothing() -> None:
    with pytest.raises(ValueError, match=r"^conditions: need whole numbers \(4,\)"):
        diversity(gaussian(4, 2, 0), np.array([0.5, 0.5, 1, 1]))
    with pytest.raises(ValueError, match=r"^conditions: need whole numbers \(4,\)"):
        diversity(gaussian(4, 2, 0), [0, 0, 1])
    unequal = np.array([[0.0], [0.0], [0.0], [9.0]])
    score = diversity(unequal, [0, 0, 1, 1])
    assert (score.value, score.ci95[0]) == (4.5, 0)
    assert diversity(unequal, [0, 0, 0, 0]).ci95 is None


def test_the_intervals_of_prd_are_as_wide_as_repeated_samples_vary() -> None:
    found = []
    with threadpool_limits(1):  # sets so small are binned sooner by one thread
        for seed in range(25):
            fake = gaussian(400, 3, 2 * seed) * 0.7 + 0.3
            found.append(prd_curve(gaussian(400, 3, 2 * seed + 1), fake, bins=10, runs=3, seed=seed))
    for scores in zip(*found, strict=True):
        widths = [(score.ci95[1] - score.ci95[0]) / 3.92 for score in scores]
        assert np.mean(widths) == pytest.approx(np.std([score.value for score in scores]), rel=0.5)
        assert all(0 <= score.ci95[0] <= score.value <= score.ci95[1] <= 1 for score in scores)


def test_support_size_counts_pairs_on_the_threshold_and_says_what_is_none() -> None:
    points = np.array([[0.0], [1.0], [4.0], [50.0]])
    whole = support_size(points, points, threshold=3.0)
    assert (whole.value, whole.detail["real"]) == (3, 3)
    assert whole.ci95 == pytest.approx((6 / 7.2247, 6 / 0.24221), rel=1e-4)  # Garwood's of 2
    for options in ({"share": 1.5}, {"share": np.nan}, {"threshold": -1.0}, {"threshold": np.nan}):
        with pytest.raises(ValueError, match="must lie between 0 and"):
            support_size(points, points, **options)


def test_vendi_names_the_row_that_is_zero_and_takes_as_many_of_both() -> None:
    zero = gaussian(5, 3, 0)
    zero[2] = 0
    with pytest.raises(ValueError, match="^fake: row 2 is zero"):
        vendi(gaussian(5, 3, 1), zero)
    with pytest.raises(ValueError, match="^real: row 2 is zero"):
        vendi(zero, gaussian(5, 3, 1))
    assert vendi(np.eye(30), np.eye(30)[:10]).detail["real"] == pytest.approx(10)


def test_ndb_refuses_a_level_that_is_none_and_prd_a_weight() -> None:
    for alpha in (0, 1, np.nan):
        with pytest.raises(ValueError, match="^alpha must lie between 0 and 1"):
            ndb(gaussian(20, 2, 0), gaussian(20, 2, 1), bins=3, alpha=alpha)
    for beta in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match="^beta must be a positive number"):
            prd_curve(gaussian(20, 2, 0), gaussian(20, 2, 1), bins=3, beta=beta)


def test_the_interval_of_the_kernel_distance_is_as_wide_as_repeated_samples_vary() -> None:
    """Few of one and many of the other, either way: each side adds its own share."""
    for n, m in ((40, 600), (600, 40)):
        found = [kernel_distance(gaussian(n, 4, 2 * s), gaussian(m, 4, 2 * s + 1) * 1.3 + 0.5) for s in range(60)]
        widths = [(score.ci95[1] - score.ci95[0]) / 3.92 for score in found]
        assert np.mean(widths) == pytest.approx(np.std([score.value for score in found]), rel=0.3)


def test_ndb_is_the_chi_squared_test_of_each_bin() -> None:
    real, fake = gaussian(900, 2, 0), gaussian(300, 2, 1) * 0.8
    found = ndb(real, fake, bins=15)
    assert found.warnings == ()
    counts = [np.rint(np.array(found.detail[key]) * n) for key, n in (("real_shares", 900), ("fake_shares", 300))]
    p_values = [
        chi2_contingency([[a, 900 - a], [b, 300 - b]], correction=False).pvalue for a, b in zip(*counts, strict=True)
    ]
    assert [counts[0].sum(), counts[1].sum()] == [900, 300]
    assert found.detail["different"] == [b for b, p in enumerate(p_values) if p < 0.05]
    assert found.value == len(found.detail["different"]) / 15
    sure = false_discovery_control(p_values) < 0.05
    assert found.detail["after_correction"] == np.flatnonzero(sure).tolist()
    assert found.detail["dropped"] == np.flatnonzero(sure & (counts[1] / 300 < counts[0] / 900)).tolist()
    assert len(found.detail["dropped"]) not in (0, len(found.detail["after_correction"]))
    assert ndb(real, fake, bins=31).warnings == ("Only 10 examples a bin: the test of proportions is rough.",)
