"""Dropped mass: what is said to be dropped at least is dropped, whatever the laws are; truths are closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2
from torch import Tensor

from allmodes.auditing import DroppedMass, Farness, Ratios, Scores, dropped_mass, thin_mass

DATA = [0.02, 0.08, 0.2, 0.3, 0.4]


def found_in(real: Tensor, fake: Tensor, *, seed: int = 0) -> DroppedMass:
    half = torch.randperm(len(fake), generator=torch.Generator().manual_seed(seed))[: len(fake) // 2]
    far = Farness.of(fake, real, half)
    return dropped_mass(Ratios.between(real, fake, seed=seed), Scores(-far.samples, -far.held_out))


def groups(n: int, shares: list[float], seed: int, *, dim: int = 8, spread: float = 6) -> Tensor:
    """Groups of points with these shares."""
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.multinomial(torch.tensor(shares), n, replacement=True, generator=rng)
    centres = spread * torch.randn(len(shares), dim, generator=torch.Generator().manual_seed(99))
    return centres[chosen] + torch.randn(n, dim, generator=rng)


def normals(n: int, dim: int, scale: float, seed: int) -> tuple[Tensor, Tensor, float]:
    """N(0, I) against N(0, s^2 I), and the mass of the first with less than half of its density under the second."""
    rng = torch.Generator().manual_seed(seed)
    edge = 2 * (math.log(2) - dim * math.log(scale)) / (scale**-2 - 1)  # of |x|^2
    return torch.randn(n, dim, generator=rng), scale * torch.randn(n, dim, generator=rng), float(chi2.sf(edge, dim))


@pytest.mark.parametrize(("lost", "samples"), [([1], 1_500), ([1, 2], 700), ([1, 2], 4_000), ([], 1_500)])
def test_groups_that_are_lost_are_measured(lost: list[int], samples: int) -> None:
    truth = sum(DATA[group] for group in lost)
    left = [0.0 if group in lost else share for group, share in enumerate(DATA)]
    found = [found_in(groups(1_500, DATA, 2 * s), groups(samples, left, 2 * s + 1), seed=s) for s in range(5)]
    assert np.mean([mass.estimate for mass in found]) == pytest.approx(truth, abs=0.015)
    for mass in found:
        assert 0.4 * truth <= mass.ci95[0] <= truth
        assert mass.ci95[1] is None


@pytest.mark.parametrize(("dim", "scale", "truth"), [(8, 0.85, 0.24), (16, 0.8, 0.51), (30, 0.2, 1.0)])
def test_smooth_losses_are_never_overstated(dim: int, scale: float, truth: float) -> None:
    assert normals(10, dim, scale, 0)[2] == pytest.approx(truth, abs=0.01)
    found = [found_in(*normals(800, dim, scale, seed)[:2], seed=seed) for seed in range(12)]
    assert sum(mass.ci95[0] > truth for mass in found) <= 1
    assert np.mean([mass.estimate for mass in found]) > truth / 5  # and seen: it was 0 and 0.01
    assert np.mean([mass.shortfall for mass in found]) > 0.03


def test_groups_that_keep_a_little_more_than_half_are_not_said_to_be_dropped() -> None:
    even = [0.05] * 20
    thinned = [0.05 * (0.55 if group < 10 else 1.45) for group in range(20)]
    found = [found_in(groups(1_000, even, 2 * s), groups(1_000, thinned, 2 * s + 1), seed=s) for s in range(10)]
    assert sum(mass.ci95[0] > 0 for mass in found) <= 1


def test_the_level_is_kept_where_nothing_is_dropped() -> None:
    drawn = [groups(400, DATA, seed, dim=3, spread=1) for seed in range(120)]
    found = [found_in(real, fake, seed=s) for s, (real, fake) in enumerate(zip(drawn[::2], drawn[1::2], strict=True))]
    assert sum(mass.ci95[0] > 0 for mass in found) <= 6
    assert sum(mass.shortfall > 0 for mass in found) <= 6
    assert np.mean([mass.estimate for mass in found]) < 0.03


def test_samples_inside_a_sphere_cover_nothing_of_its_surface() -> None:
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(1_000, 30, generator=rng)
    found = found_in(real / real.norm(dim=1, keepdim=True), 0.05 * torch.randn(1_000, 30, generator=rng))
    assert found.estimate > 0.99  # it was 0.8, by assumption
    assert found.ci95[0] > 0.95


@pytest.mark.parametrize("dim", [8, 64])
@pytest.mark.parametrize("common", [0.2, 0.8])
def test_cubes_that_overlap(dim: int, common: float) -> None:
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 1_500, dim, generator=rng)
    fake[:, 0] += 1 - common
    found = found_in(real, fake)
    assert found.estimate == pytest.approx(1 - common, abs=0.05)
    assert 1 - common - 0.12 < found.ci95[0] < 1 - common


def test_one_mode_of_five_is_four_fifths_dropped_and_crowded() -> None:
    real, fake = groups(1_000, [0.2] * 5, 0), groups(1_000, [1.0, 0.0, 0.0, 0.0, 0.0], 1)
    assert found_in(real, fake).estimate == pytest.approx(0.8, abs=0.03)


def test_what_crowds_is_seen_the_other_way_about() -> None:
    real, fake, _ = normals(800, 30, 0.3, 0)
    ratios = Ratios.between(real, fake)
    assert thin_mass(ratios.reversed(), fraction=0.2).ci95[0] > 0.9
    assert thin_mass(Ratios.between(real, real.flip(0)).reversed(), fraction=0.2).ci95[0] == 0


def test_samples_that_are_not_counted_are_in_no_count() -> None:
    real = groups(600, [0.5, 0.5], 0)
    fake = torch.cat([groups(300, [0.5, 0.5], 1), 50 + groups(300, [1.0], 2)])
    ratios = Ratios.between(real, fake)
    kept = ratios.only(np.arange(600) < 300)
    assert sum(len(fold.counted.fake) for fold in kept.folds) == 300
    assert thin_mass(ratios, fraction=0.6).estimate > 0.5  # every group keeps half of its share
    assert thin_mass(kept, fraction=0.6).estimate < 0.05


@pytest.mark.parametrize(("n", "m"), [(20, 20), (20, 500), (500, 20)])
def test_any_number_of_examples_has_an_answer(n: int, m: int) -> None:
    rng = torch.Generator().manual_seed(0)
    found = found_in(torch.randn(n, 4, generator=rng), torch.randn(m, 4, generator=rng))
    assert 0 <= found.ci95[0] <= found.estimate <= 1


def test_equal_points_drop_nothing() -> None:
    same = torch.ones(50, 3)
    assert found_in(same, same.clone()) == DroppedMass(0.0, (0.0, None), 0.0)
