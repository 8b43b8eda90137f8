from __future__ import annotations

import numpy as np
import pytest

from allmodes.metrics import inversion_distance, manifold_precision_recall


def test_shares_below_the_threshold_and_their_harmonic_mean() -> None:
    precision, recall = manifold_precision_recall([0.1, 0.2, 0.9, 0.74], [0.7, 0.8], threshold=0.75)
    assert (precision.value, recall.value) == (0.75, 0.5)
    assert recall.detail["f1"] == pytest.approx(0.6)
    assert (precision.n_fake, recall.n_real) == (4, 2)
    assert precision.ci95 is not None
    assert precision.ci95[0] < 0.75 < precision.ci95[1]


def test_nothing_near_is_no_division_by_zero() -> None:
    assert manifold_precision_recall([9.0], [9.0])[1].detail["f1"] == 0


@pytest.mark.parametrize("bad", [[], [np.nan], [[0.1]]])
def test_distances_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="^samples: "):
        manifold_precision_recall(bad, [0.1])


def test_inversion_is_the_mean_and_names_the_worst() -> None:
    score = inversion_distance([0.1, 0.5, 0.3])
    assert score.value == pytest.approx(0.3)
    assert score.detail["worst"] == 1
    assert score.warnings
    assert inversion_distance([0.2]).ci95 is None
    with pytest.raises(ValueError, match="must be finite"):
        inversion_distance([np.inf])
