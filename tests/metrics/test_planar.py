from __future__ import annotations

import numpy as np
import pytest

from allmodes.metrics import planar_coverage

ANGLES = np.arange(8) * np.pi / 4
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
SIGMA = 0.02


def draw(modes: np.ndarray, n: int = 8_000, spread: float = SIGMA) -> np.ndarray:
    rng = np.random.default_rng(0)
    return modes[rng.integers(len(modes), size=n)] + spread * rng.normal(size=(n, 2))


def test_a_perfect_sampler_covers_every_mode() -> None:
    score = planar_coverage(draw(RING), RING, sigma=SIGMA)
    assert score.value == score.detail["any"] == 8
    assert score.detail["high_quality"] == pytest.approx(1 - np.exp(-8), abs=0.002)  # within four sigma, Rayleigh
    assert score.detail["kl"] < 0.005


def test_dropped_modes_are_missed() -> None:
    score = planar_coverage(draw(RING[:3]), RING, sigma=SIGMA)
    assert score.value == 3
    assert score.detail["kl"] == pytest.approx(np.log(8 / 3), abs=0.01)


def test_how_far_the_nearest_sample_is_from_each_mode() -> None:
    score = planar_coverage(RING[1:] * 1.1, RING, sigma=SIGMA)
    assert score.detail["worst_distance"] == pytest.approx(np.linalg.norm(RING[1] * 1.1 - RING[0]))
    assert score.detail["mean_distance"] == pytest.approx((7 * 0.1 + score.detail["worst_distance"]) / 8)


def test_a_few_strays_do_not_make_a_mode() -> None:
    score = planar_coverage(np.concatenate([draw(RING[:7]), RING[[7]]]), RING, sigma=SIGMA)
    assert (score.value, score.detail["any"]) == (7, 8)


def test_samples_between_the_modes_are_of_low_quality() -> None:
    score = planar_coverage(draw(RING * 0.5), RING, sigma=SIGMA)
    assert score.value == score.detail["high_quality"] == 0
    with pytest.raises(ValueError, match="points: need at least 1 example"):
        planar_coverage(np.zeros((0, 2)), RING, sigma=SIGMA)
