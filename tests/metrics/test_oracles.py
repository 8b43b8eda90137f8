"""Metrics of others' packages, on the same features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prdc import compute_prdc
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from allmodes.metrics import density_coverage, kernel_distance, prdc, precision_recall


def two_sets(n: int, m: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), rng.normal(size=(m, dim)) * 0.8 + 0.3


@pytest.mark.parametrize(("n", "m", "dim", "k"), [(200, 150, 5, 3), (3_000, 2_500, 8, 5), (90, 400, 64, 2)])
def test_precision_recall_density_coverage_are_those_of_prdc(n: int, m: int, dim: int, k: int) -> None:
    real, fake = two_sets(n, m, dim, seed=n)
    expected = compute_prdc(real, fake, k)
    scores = (*precision_recall(real, fake, k=k), *density_coverage(real, fake, k=k))
    for score in scores:
        assert score.value == pytest.approx(expected[score.name], abs=1e-9), score.name


@pytest.mark.parametrize(("support", "k"), [(3, 5), (5, 3), (4, 4)])
def test_balls_of_two_sizes_in_one_pass(support: int, k: int) -> None:
    real, fake = two_sets(2_300, 300, 8, seed=1)
    found, narrow, wide = prdc(real, fake, k=k, support=support), *(compute_prdc(real, fake, n) for n in (support, k))
    expected = {name: (narrow if name in {"precision", "recall"} else wide)[name] for name in found}
    assert {name: score.value for name, score in found.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (2_100, 2_100)])
def test_kernel_distance_is_that_of_torchmetrics(n: int, m: int) -> None:
    real, fake = (torch.from_numpy(x) for x in two_sets(n, m, 32, seed=1))
    kernels = (poly_kernel(a, b) for a, b in ((real, real), (real, fake), (fake, fake)))
    expected = maximum_mean_discrepancy(*kernels)
    assert kernel_distance(real, fake).value == pytest.approx(float(expected), rel=1e-9)
