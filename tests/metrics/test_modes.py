from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from allmodes.core.records import Score
from allmodes.metrics import mode_coverage, mode_kl, rare_modes, unfold

MNIST_TRAINING_LABELS = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
UNIFORM = np.full((10, 10, 10), 1e-3)


def joint(marginal: np.ndarray) -> np.ndarray:
    return np.einsum("a,b,c->abc", marginal, marginal, marginal)


def symmetric(error: float) -> np.ndarray:
    """Confusion of a classifier that reads this share of every class as one of the nine others, evenly."""
    return np.full((10, 10), error / 9) + np.eye(10) * (1 - error - error / 9)


def read(digits: np.ndarray, confusion: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Joint counts of triples ``(n, 3)`` as a classifier of single digits reads them."""
    bounds = confusion.cumsum(1)
    seen = (rng.random((*digits.shape, 1)) > bounds[digits]).sum(-1).clip(0, 9)
    return np.bincount(seen @ [100, 10, 1], minlength=1000).reshape(10, 10, 10)


def triples(law: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.stack(np.unravel_index(rng.choice(law.size, n, p=law.ravel()), law.shape), axis=1)


def kl(counts: np.ndarray, law: np.ndarray = UNIFORM) -> Score:
    return mode_kl(counts, law)


def test_kl_has_its_closed_form() -> None:
    score = mode_kl([30, 10, 0, 0], [0.25] * 4)
    assert score.value == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))
    assert score.detail["effective_modes"] == pytest.approx(4 * np.exp(-score.value))
    assert score.detail["excess"] == pytest.approx(score.value - 3 / 80)


def test_kl_is_zero_where_the_shares_are_those_of_the_law() -> None:
    assert mode_kl([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]).value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "floor"), [(24_000, 0.0209), (26_000, 0.0194), (50_000, 0.0101), (240_000, 0.0021)])
def test_the_simulated_floor_is_what_a_perfect_sampler_shows(n: int, floor: float) -> None:
    counts = np.random.default_rng(1).multinomial(n, UNIFORM.ravel()).reshape(UNIFORM.shape)
    score = kl(counts)
    assert score.detail["floor"] == pytest.approx(floor, abs=2e-4)
    assert score.detail["floor_miller_madow"] == pytest.approx(999 / (2 * n))
    assert abs(score.value - floor) < 4 * floor * (2 / 1000) ** 0.5  # about chi-squared with 999 degrees of freedom
    assert abs(score.detail["excess"]) < 0.005


def test_a_perfect_model_of_mnist_is_charged_for_its_label_frequencies_only_by_the_uniform_law() -> None:
    law = joint(MNIST_TRAINING_LABELS)
    counts = np.random.default_rng(2).multinomial(26_000, law.ravel(), 4).reshape(4, 10, 10, 10)
    assert np.mean([kl(c).value for c in counts]) == pytest.approx(0.0237, abs=0.001)
    assert np.mean([kl(c, law).value for c in counts]) == pytest.approx(0.0194, abs=0.001)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    law, rng = np.full(50, 0.02), np.random.default_rng(3)
    skewed = np.linspace(1, 3, 50) / np.linspace(1, 3, 50).sum()
    truth = float((skewed * np.log(skewed / law)).sum())
    hits = 0
    for seed in range(60):
        score = mode_kl(rng.multinomial(5_000, skewed), law, seed=seed)
        low, high = score.ci95 or (0.0, 0.0)
        hits += low - score.detail["floor_miller_madow"] <= truth <= high - score.detail["floor_miller_madow"]
    assert hits >= 52


def test_marginals_and_the_rest_add_up_and_tell_frequencies_from_missing_combinations() -> None:
    frequencies = joint(np.linspace(1, 2, 10) / np.linspace(1, 2, 10).sum()) * 1e9
    wrong = kl(frequencies.round())
    assert sum(wrong.detail["marginals"]) + wrong.detail["rest"] == pytest.approx(wrong.value)
    assert wrong.detail["rest"] == pytest.approx(0, abs=1e-6)
    combinations = np.zeros((10, 10, 10))
    combinations[np.arange(10), np.arange(10), :] = 100  # the first two digits always agree
    missing = kl(combinations)
    assert sum(missing.detail["marginals"]) == pytest.approx(0, abs=1e-12)
    assert missing.detail["rest"] == pytest.approx(np.log(10))
    assert missing.detail["marginal_counts"] == [[1000] * 10] * 3


def test_samples_where_the_law_has_none_make_an_infinite_kl_without_an_interval() -> None:
    score = mode_kl([5, 5], [1.0, 0.0])
    assert score.value == np.inf
    assert score.ci95 is None


def test_a_planted_collapse_is_caught() -> None:
    law = UNIFORM.copy()
    law.ravel()[:60] = 0
    counts = np.random.default_rng(4).multinomial(26_000, (law / law.sum()).ravel()).reshape(law.shape)
    score = mode_coverage(counts, UNIFORM)
    assert score.value == 940
    assert score.detail["missing"] == list(range(60))
    assert score.ci95 is not None
    assert score.ci95[0] <= 940 <= score.ci95[1]
    assert kl(counts).detail["excess"] > 0.05


def test_raw_counts_are_inflated_by_the_classifier_and_both_remedies_undo_it() -> None:
    rng = np.random.default_rng(5)
    law = np.zeros(1000)
    law[rng.permutation(1000)[:900]] = 1 / 900
    confusion = symmetric(0.008)
    counts = read(triples(law.reshape(10, 10, 10), 26_000, rng), confusion, rng)
    score = mode_coverage(counts, UNIFORM, confusion=confusion * 1000)
    assert score.detail["raw"] == pytest.approx(948, abs=12)
    assert score.value == pytest.approx(900, abs=1)
    assert score.detail["corrected"] == pytest.approx(900, abs=1)


def test_unfolding_finds_the_law_behind_a_poor_classifier() -> None:
    truth = joint(np.linspace(1, 4, 10) / np.linspace(1, 4, 10).sum())
    confusion = symmetric(0.15)
    expected = np.einsum("abc,ai,bj,ck->ijk", truth, confusion, confusion, confusion)
    assert unfold(expected, confusion) == pytest.approx(truth, rel=0.02)
    rng = np.random.default_rng(6)
    counts = read(triples(truth, 100_000, rng), confusion, rng)
    found = unfold(counts, confusion) / counts.sum()
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        assert found.sum(others) == pytest.approx(truth.sum(others), abs=0.005)


@pytest.mark.parametrize("confusion", [np.eye(10) * 100, np.diag([100.0] * 9 + [0.0])])
def test_unfolding_changes_nothing_if_the_classifier_never_errs(confusion: np.ndarray) -> None:
    counts = np.random.default_rng(7).integers(0, 50, (10, 10, 10))
    assert unfold(counts, confusion) == pytest.approx(counts)


def test_counts_too_few_to_see_every_mode_carry_a_warning() -> None:
    assert mode_coverage(np.full(1000, 2), np.full(1000, 1e-3)).warnings
    assert not mode_coverage(np.full(1000, 26), np.full(1000, 1e-3)).warnings


@pytest.mark.parametrize("measure", [mode_coverage, mode_kl])
def test_no_samples_are_an_error(measure: object) -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        measure(np.zeros(5), np.full(5, 0.2))  # type: ignore[operator]


def test_scores_do_not_depend_on_the_order_of_modes_and_are_plain_json() -> None:
    rng = np.random.default_rng(8)
    counts, law, order = rng.integers(1, 60, 200), rng.dirichlet(np.ones(200)), rng.permutation(200)
    for measure in (mode_coverage, mode_kl):
        score = measure(counts, law)
        assert measure(counts[order], law[order]).value == pytest.approx(score.value)
        json.dumps(score.to_json(), allow_nan=False)


RARE = 8
RARE_LAW = joint(np.where(np.arange(10) == RARE, 0.1, 1.0) / 9.1)


def rare_counts(law: np.ndarray) -> np.ndarray:
    return np.random.default_rng(9).multinomial(2_600_000, law.ravel()).reshape(law.shape)


def test_rare_modes_of_a_perfect_sampler_have_their_share() -> None:
    score = rare_modes(rare_counts(RARE_LAW), RARE_LAW, rare_class=RARE)
    assert score.detail["modes"] == 271
    assert score.value == pytest.approx(1, abs=0.02)
    assert score.ci95 is not None
    assert score.ci95[0] < 1 < score.ci95[1]
    assert score.detail["covered_at_half"] == pytest.approx(score.detail["covered_at_half_perfect"], abs=3)
    expected = score.detail["smallest_group_ratio_perfect"]
    assert score.detail["smallest_group_ratio"] == pytest.approx(expected, abs=0.03)


def test_a_dropped_rare_class_is_caught() -> None:
    law = RARE_LAW.copy()
    law[RARE, 3] = 0
    score = rare_modes(rare_counts(law / law.sum()), RARE_LAW, rare_class=RARE)
    assert score.detail["smallest_group_ratio"] == 0
    assert score.detail["covered_at_half"] <= 271 - 10
    law[RARE], law[:, RARE], law[:, :, RARE] = 0, 0, 0
    score = rare_modes(rare_counts(law / law.sum()), RARE_LAW, rare_class=RARE)
    assert score.value == 0
    assert score.detail["covered_at_half"] == 0


def test_a_class_rarer_than_the_errors_is_read_where_there_is_none() -> None:
    rng, confusion = np.random.default_rng(11), symmetric(0.01)
    none = np.where(np.arange(10) == RARE, 0, 1 / 9)
    few = np.where(np.arange(10) == RARE, 0.001, 0.111)
    law = joint(few)
    without = read(triples(joint(none), 200_000, rng), confusion, rng)
    dropped = rare_modes(without, law, rare_class=RARE, rates=confusion)
    assert dropped.value == pytest.approx(dropped.detail["by_misreading"], rel=0.05)
    assert dropped.value == pytest.approx(0.5, abs=0.1)  # as many are misread as there are
    assert dropped.detail["corrected"] < 0.05
    kept = rare_modes(read(triples(law, 200_000, rng), confusion, rng), law, rare_class=RARE, rates=confusion)
    assert kept.value == pytest.approx(1, abs=0.05)
    assert kept.detail["corrected"] == pytest.approx(1, abs=0.1)


def test_samples_that_do_not_count_are_known_to_the_expectation() -> None:
    """Every second reading of the rare class is unsure: a perfect sampler still has its share."""
    rng, rates = np.random.default_rng(12), np.diag(np.where(np.arange(10) == RARE, 0.5, 1.0))
    digits = triples(RARE_LAW, 500_000, rng)
    digits = digits[((digits != RARE) | (rng.random(digits.shape) < 0.5)).all(1)]
    counts = read(digits, np.eye(10), rng)
    score = rare_modes(counts, RARE_LAW, rare_class=RARE, total=500_000, rates=rates)
    assert score.n_fake == 500_000
    assert score.value == pytest.approx(1, abs=0.05)
    assert rare_modes(counts, RARE_LAW, rare_class=RARE).value < 0.6


def test_the_interval_of_rare_modes_is_the_exact_one_of_a_poisson_count() -> None:
    for seen in (0, 7):
        counts, law = np.array([1000 - seen, seen]), np.array([0.99, 0.01])
        score = rare_modes(counts, law, rare_class=1)
        low, high = (chi2.ppf([0.025, 0.975], [2 * seen, 2 * seen + 2]) / 2 / 10) if seen else (0, -np.log(0.025) / 10)
        assert score.ci95 == pytest.approx((low, high))
        assert score.detail["smallest_group_ratio"] == pytest.approx(seen / 10)


def test_too_few_samples_of_rare_modes_carry_a_warning() -> None:
    counts = np.random.default_rng(10).multinomial(2_000, RARE_LAW.ravel()).reshape(RARE_LAW.shape)
    assert rare_modes(counts, RARE_LAW, rare_class=RARE).warnings


@pytest.mark.parametrize("measure", [mode_coverage, mode_kl, lambda c, law: rare_modes(c, law, rare_class=0)])
@pytest.mark.parametrize(
    ("counts", "law", "said"),
    [
        ([1.5, 2], [0.5, 0.5], "counts: need whole numbers"),
        ([-1, 2], [0.5, 0.5], "counts: row 0 has a value below 0"),
        ([1, 2], [0.5, 0.25, 0.25], "law: need the shape of the counts"),
        ([1, 2], [0.0, 0.0], "law: need the shape of the counts, .*, and some mass"),
        ([1, 2], [1.5, -0.5], "law: row 1 has a value below 0"),
    ],
)
def test_what_are_no_counts_or_no_law_is_refused(measure: Any, counts: Any, law: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        measure(counts, law)


def test_a_kl_and_its_interval_are_never_below_zero() -> None:
    for seed in range(20):
        counts = np.random.default_rng(seed).multinomial(40, [0.5, 0.5])
        score = mode_kl(counts, [0.5, 0.5], seed=seed)
        assert 0 <= score.ci95[0] <= score.value


def test_what_nothing_can_be_expected_of_is_refused() -> None:
    for rare, law, rates in ((1, [1.0, 0.0], None), (5, [0.5, 0.5], None), (1, [0.5, 0.5], np.diag([1.0, 0.0]))):
        with pytest.raises(ValueError, match=f"^rare_class: nothing can be expected of class {rare}"):
            rare_modes([3, 4], law, rare_class=rare, rates=rates)
    with pytest.raises(ValueError, match="^rates: need"):
        rare_modes([3, 4], [0.5, 0.5], rare_class=1, rates=np.eye(3))
    with pytest.raises(ValueError, match="^total must be a whole number"):
        rare_modes([3, 4], [0.5, 0.5], rare_class=1, total=0)
    with pytest.raises(ValueError, match="^confusion: need"):
        unfold([3, 4], np.eye(3))


def test_a_group_without_mass_is_no_group() -> None:
    law = np.full((3, 3), 1 / 8)
    law[2, 2] = 0
    counts = np.where(law > 0, 80, 0)
    counts[2, 0] = 40
    score = rare_modes(counts, law, rare_class=2)
    due = counts.sum() / 8
    assert score.detail["smallest_group_ratio"] == pytest.approx(40 / due)
    assert score.detail["covered_at_half"] == 4  # of five modes one has no mass
