from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from allmodes.metrics import frechet, frechet_distance


def sample(n: int, dim: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(100 + seed).normal(size=(dim, dim)) / dim**0.5
    return shift + scale * rng.normal(size=(n, dim)) @ mix


def whitened(n: int, dim: int, seed: int) -> np.ndarray:
    """Points with mean exactly zero and covariance exactly the identity."""
    points = np.random.default_rng(seed).normal(size=(n, dim))
    points -= points.mean(0)
    return points @ np.linalg.inv(np.linalg.cholesky(np.cov(points, rowvar=False))).T


def test_closed_form_of_two_gaussians_with_commuting_covariances() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 0.5]), np.array([2.0, 1.0, 0.1, 0.5])
    shift = np.array([1.0, 0.0, -2.0, 0.5])
    found = frechet_distance(whitened(500, 4, 0) * a, whitened(400, 4, 1) * b + shift)
    assert found.value == pytest.approx(float((shift**2).sum() + ((a - b) ** 2).sum()))


@pytest.mark.parametrize(("dim", "rows"), [(1, 4_096), (3, 4_096), (20, 4_096), (20, 64)])
def test_agrees_with_the_matrix_square_root(dim: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frechet, "ROWS", rows)  # that are in double precision at once
    real, fake = sample(300, dim, 0), sample(200, dim, 1, shift=0.3, scale=1.5)
    first, second = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (real, fake))
    shift = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    expected = shift + np.trace(first) + np.trace(second) - 2 * np.trace(np.atleast_2d(sqrtm(first @ second)).real)
    assert frechet_distance(real, fake).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(60, 90), (90, 60), (41, 41)])
def test_dimensions_that_hold_nothing_change_nothing(n: int, m: int) -> None:
    real, fake = sample(n, 40, 0), sample(m, 40, 1, shift=0.3, scale=1.5)
    wide = [np.concatenate([x, np.zeros((len(x), 5_000))], axis=1) for x in (real, fake)]  # more than examples
    few, many = frechet_distance(real, fake), frechet_distance(*wide)
    assert many.value == pytest.approx(few.value, rel=1e-6)
    assert many.ci95 == pytest.approx(few.ci95, rel=1e-6)


def test_among_many_examples_some_tell_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = sample(150, 400, 0), sample(130, 400, 1, shift=0.3, scale=1.5)
    whole = frechet_distance(real, fake)
    monkeypatch.setattr(frechet, "SPREAD", 90)
    some = frechet_distance(real, fake)
    assert some.value == pytest.approx(whole.value, rel=1e-9)
    widths = [score.ci95[1] - score.ci95[0] for score in (whole, some) if score.ci95]
    assert widths[0] <= widths[1] < 2 * widths[0]


@pytest.mark.parametrize(("n", "m"), [(12, 30), (30, 12)])
def test_more_dimensions_than_examples_agree_with_the_eigenvalues_of_the_product(n: int, m: int) -> None:
    real, fake = sample(n, 50, 0), sample(m, 50, 1, shift=0.3)
    first, second = (np.cov(x, rowvar=False) for x in (real, fake))
    roots = np.sqrt(np.clip(np.linalg.eigvals(first @ second).real, 0, None)).sum()
    shift = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    expected = shift + np.trace(first) + np.trace(second) - 2 * roots
    assert frechet_distance(real, fake).value == pytest.approx(expected, rel=1e-5)


def test_agrees_with_torchmetrics() -> None:
    image = pytest.importorskip("torchmetrics.image.fid")
    real, fake = sample(300, 16, 2), sample(250, 16, 3, shift=0.2)

    class Flat(torch.nn.Module):
        num_features = 16

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)

    oracle = image.FrechetInceptionDistance(feature=Flat(), normalize=False).set_dtype(torch.float64)
    oracle.used_custom_model = True
    for points, is_real in ((real, True), (fake, False)):
        oracle.update(torch.from_numpy(points).reshape(-1, 1, 4, 4), real=is_real)
    assert frechet_distance(real, fake).value == pytest.approx(float(oracle.compute()), rel=1e-4)


def test_identical_sets_are_at_distance_zero_and_order_does_not_matter() -> None:
    real, fake = sample(200, 8, 4), sample(200, 8, 5)
    assert frechet_distance(real, real).value == pytest.approx(0, abs=1e-9)
    order = np.random.default_rng(0).permutation(200)
    assert frechet_distance(real[order], fake[order]).value == pytest.approx(frechet_distance(real, fake).value)
    assert frechet_distance(real, fake).value == pytest.approx(frechet_distance(fake, real).value)


def test_tensors_are_taken_and_a_planted_collapse_is_caught() -> None:
    real = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    narrow = 0.1 * torch.randn(500, 6, generator=torch.Generator().manual_seed(1))
    again = torch.randn(500, 6, generator=torch.Generator().manual_seed(2))
    assert frechet_distance(real, narrow).value > 10 * frechet_distance(real, again).value


def test_the_interval_is_as_wide_as_repeated_samples_vary() -> None:
    real = whitened(2_000, 5, 6)
    drawn = [np.random.default_rng(seed).normal(size=(1_000, 5)) * 1.3 + 0.2 for seed in range(60)]
    scores = [frechet_distance(real, fake) for fake in drawn]
    widths = [(score.ci95[1] - score.ci95[0]) / 3.92 for score in scores if score.ci95]
    assert np.mean(widths) == pytest.approx(np.std([score.value for score in scores]), rel=0.3)


def test_small_samples_carry_a_warning_and_no_interval_that_is_not_a_number() -> None:
    tiny = frechet_distance(sample(4, 6, 7), sample(4, 6, 8))
    assert tiny.warnings
    assert tiny.ci95 is None
    json.dumps(tiny.to_json(), allow_nan=False)
    assert not frechet_distance(sample(7, 6, 7), sample(50, 6, 8)).warnings
    assert frechet_distance(sample(6, 6, 7), sample(50, 6, 8)).warnings  # from the mean they span one dimension less
    assert frechet_distance(sample(50, 6, 7), sample(6, 6, 8)).warnings


@pytest.mark.parametrize(("real", "fake"), [((1, 3), (5, 3)), ((5, 3), (0, 3)), ((5, 3), (5, 4))])
def test_sets_that_cannot_be_compared_are_an_error(real: tuple[int, int], fake: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="need "):
        frechet_distance(np.zeros(real), np.zeros(fake))
