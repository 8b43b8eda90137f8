"""Clipped density and coverage are what their definitions say, on a scale whose expectations are exact."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from allmodes.metrics import clipped_density_coverage
from allmodes.metrics.clipped import expected


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))


def by_definition(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float]:
    """Clipped density, and clipped coverage before it is scaled."""
    among = distances(real, real)
    radius = np.sort(among, axis=1)[:, k]
    narrow = np.minimum(radius, np.median(radius))
    np.fill_diagonal(among, np.inf)
    own = np.minimum((among <= narrow[:, None]).sum(0) / k, 1).mean()
    across = distances(real, fake)
    density = np.minimum((across <= narrow[:, None]).sum(0) / k, 1).mean() / own
    return min(1.0, density), np.minimum((across <= radius[:, None]).sum(1) / k, 1).mean()


@pytest.mark.parametrize(("n", "m", "dim", "k"), [(60, 90, 2, 5), (2_300, 700, 6, 3)])
@pytest.mark.parametrize("spread", [0.3, 1.5])
def test_both_are_what_their_definitions_say(n: int, m: int, dim: int, k: int, spread: float) -> None:
    rng = np.random.default_rng(n)
    real, fake = rng.normal(size=(n, dim)), spread * rng.normal(size=(m, dim)) + 0.2
    density, coverage = clipped_density_coverage(real, fake, k=k)
    expected_density, unscaled = by_definition(real, fake, k)
    assert density.value == pytest.approx(expected_density)
    assert coverage.detail["unscaled"] == pytest.approx(unscaled)


@pytest.mark.parametrize(("n", "m", "k"), [(6, 4, 2), (9, 12, 5), (30, 25, 3)])
def test_the_scale_is_that_of_urns(n: int, m: int, k: int) -> None:
    """Of n - 1 others and c samples in a random order, j samples come before the k-th other: an exact fraction."""
    figures = expected(n, m, k)
    for c in range(m + 1):
        before = [
            Fraction(comb(j + k - 1, j) * comb(c - j + n - 1 - k, c - j), comb(c + n - 1, c)) for j in range(c + 1)
        ]
        assert sum(before) == 1
        mean = sum(min(j, k) * chance for j, chance in enumerate(before)) / k
        assert figures[c] == pytest.approx(float(mean))


@pytest.mark.parametrize("good", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("dim", [2, 8])
def test_a_share_of_good_samples_gives_that_share(good: float, dim: int) -> None:
    rng = np.random.default_rng(dim)
    real, fake = rng.normal(size=(2, 1_500, dim))
    fake[round(good * len(fake)) :] += 100
    for score in clipped_density_coverage(real, fake):
        assert score.value == pytest.approx(good, abs=0.06)
        assert score.ci95 is not None
        assert score.ci95[0] <= score.value <= score.ci95[1]


def test_an_outlier_among_the_data_calls_no_sample_good() -> None:
    rng = np.random.default_rng(0)
    real = np.vstack([rng.normal(size=(300, 2)), [[50, 50]]])
    assert clipped_density_coverage(real, rng.normal(40, 1, (300, 2)))[0].value == 0
