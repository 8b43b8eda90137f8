"""What a unit and an origin do to a figure: nothing, or what its formula says; and numbers beyond float32's range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allmodes import metrics
from allmodes.metrics import (
    diversity,
    frechet_distance,
    inversion_distance,
    kernel_distance,
    largest_step,
    planar_coverage,
    reached,
    vendi,
)

Array = np.ndarray
Figures = Callable[[Array, Array], Mapping[str, float]]
CONDITIONS = np.arange(50) % 5


def named(metric: str, *, third: bool = False, **options: Any) -> Figures:
    """Values by name of a metric of two sets; with a third one the first is parted."""

    def measured(real: Array, fake: Array) -> Mapping[str, float]:
        sets = (real[::2], real[1::2], fake) if third else (real, fake)
        found = getattr(metrics, metric)(*sets, **options)
        scores = found.values() if isinstance(found, Mapping) else found if isinstance(found, tuple) else (found,)
        return {score.name: score.value for score in scores}

    return measured


FREE = {  # neither unit nor origin
    "authenticity": named("authenticity"),
    "clipped_density_coverage": named("clipped_density_coverage", k=3),
    "copied_mass": named("copied_mass"),
    "covered": named("covered"),
    "memorisation": named("memorisation", third=True),
    "ndb": named("ndb", bins=8),
    "prd_curve": named("prd_curve", bins=6, runs=1),
    "prdc": named("prdc", k=3),
    "support_size": named("support_size"),
}
GROWING = {  # with the power of the unit that stands beside; no origin
    "frechet_distance": (2, named("frechet_distance")),
    "diversity": (1, lambda _, fake: {"diversity": diversity(fake, CONDITIONS).value}),
}


def two_sets(spread: float, wide: bool) -> tuple[Array, Array]:
    """Clusters of width 1 so far apart; of more dimensions than examples, or of fewer."""
    rng = np.random.default_rng(7)
    dim = 90 if wide else 4
    centres = spread * rng.normal(size=(5, dim))
    return tuple(centres[rng.integers(5, size=n)] + rng.normal(size=(n, dim)) * w for n, w in ((60, 1.0), (50, 0.9)))


moved = settings(max_examples=5, deadline=None, derandomize=True)
exponents, offsets, spreads = st.floats(-6, 6), st.floats(-1e6, 1e6), st.sampled_from([1.0, 1e2, 1e4])


@pytest.mark.parametrize("name", FREE)
@given(exponent=exponents, offset=offsets, spread=spreads, wide=st.booleans())
@moved
def test_unit_and_origin_change_nothing(name: str, exponent: float, offset: float, spread: float, wide: bool) -> None:
    sets = two_sets(spread, wide)
    expected = FREE[name](*sets)
    assert FREE[name](*((rows + offset) * 10**exponent for rows in sets)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("power", [-100, 100])
@pytest.mark.parametrize("name", FREE)
def test_nothing_overflows_in_float32_and_nothing_vanishes(name: str, power: int) -> None:
    sets = [rows.astype(np.float32) for rows in two_sets(1.0, wide=False)]
    assert FREE[name](*(rows * np.float32(2.0**power) for rows in sets)) == pytest.approx(FREE[name](*sets), rel=1e-6)


@pytest.mark.parametrize("name", GROWING)
@given(exponent=exponents, offset=offsets, spread=spreads, wide=st.booleans())
@moved
def test_the_unit_counts_by_its_power(name: str, exponent: float, offset: float, spread: float, wide: bool) -> None:
    sets = two_sets(spread, wide)
    power, figures = GROWING[name]
    expected = {key: value * 10 ** (exponent * power) for key, value in figures(*sets).items()}
    assert figures(*((rows + offset) * 10**exponent for rows in sets)) == pytest.approx(expected, rel=1e-5)


@given(exponent=st.floats(-200, 140), wide=st.booleans())
@moved
def test_the_vendi_score_has_no_unit_for_any_row(exponent: float, wide: bool) -> None:
    real, fake = two_sets(1.0, wide)
    rows = 10.0 ** np.linspace(-3, 3, len(fake))[:, None]
    found = vendi(real * 10**exponent, fake * rows * 10**exponent)
    assert found.value == pytest.approx(vendi(real, fake).value, rel=1e-9)
    assert vendi(real + 1e3, fake + 1e3).value < 1.1  # but an origin: from afar all directions are alike


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-30, -12, 12, 30])
@pytest.mark.parametrize(("n", "dim"), [(400, 5), (20, 50), (3_000, 2)])
def test_the_frechet_distance_of_shifted_copies_is_the_shift(n: int, dim: int, exponent: int, dtype: Any) -> None:
    """In float32 the squares of 1e30 overflow, and those of 1e-30 vanish."""
    points = np.random.default_rng(1).normal(size=(n, dim))
    real, fake = (points * 10.0**exponent).astype(dtype), ((points + 2) * 10.0**exponent).astype(dtype)
    found = frechet_distance(real, fake)
    assert found.value == pytest.approx(4 * dim * 10.0 ** (2 * exponent), rel=1e-4)
    assert found.ci95[0] <= found.value <= found.ci95[1]


def test_the_frechet_distance_of_constant_sets_is_that_of_the_points() -> None:
    real, fake = np.full((10, 3), 1e30, dtype=np.float32), np.full((9, 3), -1e30, dtype=np.float32)
    assert frechet_distance(real, fake).value == pytest.approx(12e60)
    assert frechet_distance(np.zeros((10, 3)), np.zeros((4, 3))).value == 0
    assert frechet_distance(real, real).value == 0


def exact_kernel_distance(real: Array, fake: Array) -> float:
    """The formula in whole fractions."""
    x, y = ([[Fraction(float(value)) for value in row] for row in rows] for rows in (real, fake))

    def mean(one: list[list[Fraction]], other: list[list[Fraction]], same: bool) -> Fraction:
        kernels = [
            (sum(map(Fraction.__mul__, a, b), Fraction()) / len(a) + 1) ** 3
            for i, a in enumerate(one)
            for j, b in enumerate(other)
            if not (same and i == j)
        ]
        return sum(kernels, Fraction()) / len(kernels)

    return float(mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False))


@pytest.mark.parametrize(("scale", "offset", "rel"), [(1, 0, 1e-12), (1e-6, 0, 1e-3), (1e6, 0, 1e-12), (1, 1e4, 1e-5)])
def test_the_kernel_distance_is_its_formula_at_any_unit_and_origin(scale: float, offset: float, rel: float) -> None:
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(9, 3)) * scale + offset, rng.normal(size=(7, 3)) * scale * 2 + offset
    assert kernel_distance(real, fake).value == pytest.approx(exact_kernel_distance(real, fake), rel=rel)


def test_a_kernel_beyond_float64_is_refused() -> None:
    with pytest.raises(ValueError, match="^real and fake: the cubic kernel of features so large"):
        kernel_distance(*(rows * 1e60 for rows in two_sets(1.0, False)))
    kernel_distance(*(rows * 1e45 for rows in two_sets(1.0, False)))


@given(exponent=exponents, offset=offsets)
@moved
def test_a_planar_mixture_may_have_any_unit_and_origin(exponent: float, offset: float) -> None:
    rng, scale = np.random.default_rng(3), 10**exponent
    modes = rng.normal(size=(6, 2)) * 3
    points = modes[rng.integers(5, size=300)] + 0.1 * rng.normal(size=(300, 2))
    plain, far = (
        planar_coverage(points, modes, sigma=0.1),
        planar_coverage((points + offset) * scale, (modes + offset) * scale, sigma=0.1 * scale),
    )
    assert far.value == plain.value == 5
    assert far.detail["kl"] == pytest.approx(plain.detail["kl"])
    assert far.detail["worst_distance"] == pytest.approx(plain.detail["worst_distance"] * scale, rel=1e-6)
    shown = np.array(far.detail["points"]) / scale - offset
    assert np.abs(shown - points).max() < 0.1 * 0.1  # a tenth of sigma


@given(exponent=exponents)
@moved
def test_distances_of_images_have_a_unit_and_shares_have_none(exponent: float) -> None:
    rng, scale = np.random.default_rng(4), 10**exponent
    near, training, steps = rng.random(20), rng.random(20), rng.random((5, 8))
    assert inversion_distance(near * scale, training).value == pytest.approx(near.mean() * scale)
    assert reached(near * scale, training * scale).value == (near < 0.999 * training).mean()
    assert largest_step(steps * scale).value == pytest.approx((steps.max(1) / steps.mean(1)).mean())
