"""What stands beside a figure: intervals, p-values and the same figure of real data, against other packages' values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency

from allmodes.metrics.confidence import confidence
from allmodes.metrics.manifold import manifold_precision_recall
from allmodes.metrics.modes import mode_coverage
from allmodes.metrics.ndb import _two_proportions


def test_a_bin_differs_by_the_test_of_two_proportions():
    first, second = np.array([30, 12, 50]), np.array([10, 40, 70])
    for r, f, p in zip(first, second, _two_proportions(first, second, 92, 120), strict=True):
        assert p == pytest.approx(chi2_contingency([[r, 92 - r], [f, 120 - f]], correction=False).pvalue)


def test_either_share_of_the_manifold_has_an_interval_of_its_own():
    samples, examples = np.array([0.1, 0.9, 0.9, 0.9]), np.array([0.1] * 8 + [0.9] * 2)
    precision, recall = manifold_precision_recall(samples, examples, threshold=0.5)
    for score, count, n in ((precision, 1, 4), (recall, 8, 10)):
        assert score.value == count / n
        assert score.ci95 is not None
        low, high = binomtest(count, n).proportion_ci(method="exact")
        assert score.ci95 == pytest.approx((low, high))
        assert score.ci95[0] < score.value < score.ci95[1]


def test_confidence_of_real_images_is_the_mean_of_their_own_largest_probabilities():
    fake, real = np.array([[0.6, 0.4], [0.5, 0.5]]), np.array([[0.95, 0.05], [0.2, 0.8], [0.5, 0.5]])
    score = confidence(fake, real)
    assert score.value == pytest.approx(0.55)
    assert score.detail["real"] == pytest.approx((0.95 + 0.8 + 0.5) / 3)
    assert score.detail["real_above_0.9"] == pytest.approx(1 / 3)


def test_the_interval_of_modes_is_that_of_drawing_again():
    counts = np.array([5] * 20 + [100] * 20)  # half of them at the edge of being counted
    score = mode_coverage(counts, np.full(40, 1 / 40), minimum=5)
    assert score.value == 40
    assert score.ci95 is not None
    rng = np.random.default_rng(1)
    again = (rng.multinomial(counts.sum(), counts / counts.sum(), 4_000) >= 5).sum(1)
    assert score.ci95[0] == pytest.approx(np.quantile(again, 0.025), abs=1)
    assert score.ci95[1] == 40
