from __future__ import annotations

import numpy as np
import pytest

from allmodes.metrics import confidence


def test_mean_of_the_largest_probability_beside_that_of_real_images() -> None:
    fake = np.array([[0.95, 0.05], [0.4, 0.6], [0.5, 0.5], [0.15, 0.85]])
    real = np.array([[0.99, 0.01], [0.03, 0.97]])
    score = confidence(fake, real)
    assert score.value == pytest.approx((0.95 + 0.6 + 0.5 + 0.85) / 4)
    assert score.detail == pytest.approx({"real": 0.98, "above_0.9": 0.25, "real_above_0.9": 1.0})
    assert (score.n_real, score.n_fake) == (2, 4)
    assert score.ci95 is not None
    assert score.ci95[0] < score.value < score.ci95[1]


def test_no_samples_are_an_error() -> None:
    with pytest.raises(ValueError, match="fake: need at least 1 example"):
        confidence(np.zeros((0, 10)), np.ones((3, 10)) / 10)


def test_the_interval_is_that_of_a_mean_and_stays_in_range() -> None:
    fake = np.array([[0.95, 0.05], [0.4, 0.6], [0.5, 0.5], [0.15, 0.85]])
    score = confidence(fake, fake)
    half = 1.96 * np.std([0.95, 0.6, 0.5, 0.85], ddof=1) / 2
    assert score.ci95 == pytest.approx((0.725 - half, 0.725 + half))
    assert confidence(np.array([[1.0, 0.0], [0.5, 0.5]]), fake).ci95 == (0.5, 1.0)
    assert confidence(fake[:1], fake).ci95 is None


@pytest.mark.parametrize("row", [[2.0, -1.0], [0.9, 0.9], [0.2, 0.2]])
def test_what_are_no_probabilities_is_refused(row: list[float]) -> None:
    fake = np.array([[0.5, 0.5], row])
    with pytest.raises(ValueError, match="^fake: row 1 is no list of probabilities"):
        confidence(fake, fake[:1])
    with pytest.raises(ValueError, match="^real: row 1 is no list of probabilities"):
        confidence(fake[:1], fake)
