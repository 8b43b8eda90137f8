"""Copied and invented mass: planted shares are found, and data like other data have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.auditing import Farness, Mass, copied_mass, invented_mass


def cloud(n: int, rng: np.random.Generator) -> Tensor:
    """Two clusters of unequal width."""
    wide = rng.random(n) < 0.3
    return torch.from_numpy(rng.normal(0, np.where(wide, 3.0, 0.5)[:, None], (n, 6)) + 8 * wide[:, None]).float()


def sides(seed: int, *, n: int = 1_000, m: int = 1_000) -> tuple[Tensor, Tensor, Tensor, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return cloud(n, rng), cloud(m, rng), torch.from_numpy(rng.permutation(n)[: n // 2]), rng


def holds(mass: Mass, share: float) -> bool:
    return mass.ci95[1] is not None and mass.ci95[0] <= share <= mass.ci95[1]


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_copies_are_counted(share: float, noise: float) -> None:
    found = []
    for seed in range(20):
        real, fake, half, rng = sides(seed)
        copies = int(share * len(fake))
        some = torch.from_numpy(rng.integers(0, len(real), copies))
        fake[:copies] = real[some] + noise * torch.from_numpy(rng.normal(size=(copies, 6))).float()
        found.append(copied_mass(real, fake, half))
    assert np.mean([mass.estimate for mass in found]) == pytest.approx(share, abs=0.02)
    assert sum(holds(mass, share) for mass in found) >= 19


@pytest.mark.parametrize("share", [0.0, 0.15, 0.6])
def test_samples_far_from_all_data_are_counted(share: float) -> None:
    found = []
    for seed in range(20):
        real, fake, half, rng = sides(seed)
        far = int(share * len(fake))
        fake[:far] = torch.from_numpy(rng.normal(-30, 1, (far, 6))).float()
        found.append(invented_mass(real, fake, half))
    assert np.mean([mass.estimate for mass in found]) == pytest.approx(share, abs=0.02)
    assert sum(holds(mass, share) for mass in found) >= 19


@pytest.mark.parametrize("shift", [0.2, 0.8, 1.0])
@pytest.mark.parametrize("dim", [8, 64, 100])
def test_one_coordinate_that_is_beyond_the_data_is_enough(dim: int, shift: float) -> None:
    """Uniform on a cube and on the same, moved along one axis: the share that is outside is the shift."""
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 1_000, dim, generator=rng)
    fake[:, 0] += shift
    found = invented_mass(real, fake, torch.arange(500))
    assert found.estimate == pytest.approx(shift, abs=0.06)
    assert found.ci95[0] > shift - 0.12


@pytest.mark.parametrize("outlier", [False, True])
def test_a_small_shift_of_every_coordinate_adds_up(outlier: bool) -> None:
    """N(1, I_64) is eight standard deviations from N(0, I_64); one outlier among the data is no place of theirs."""
    real, fake = torch.randn(2, 1_000, 64, generator=torch.Generator().manual_seed(0))
    if outlier:
        real[0] = 1
    assert invented_mass(real, fake + 1, torch.arange(500)).estimate > 0.97
    assert invented_mass(real, fake, torch.arange(500)).estimate < 0.02


@pytest.mark.parametrize("dim", [2, 16, 128])
def test_the_hollow_of_a_sphere_is_far_from_its_surface(dim: int) -> None:
    points = torch.randn(2, 1_000, dim, generator=torch.Generator().manual_seed(0))
    real, fake = points / points.norm(dim=2, keepdim=True)
    assert invented_mass(real, 0.1 * fake, torch.arange(500)).estimate > 0.9
    assert invented_mass(real, fake, torch.arange(500)).estimate < 0.03


@pytest.mark.parametrize(("dim", "width"), [(1, 1e-3), (8, 0.1), (64, 0.3)])
def test_narrow_samples_in_the_middle_of_the_data_are_not_far(dim: int, width: float) -> None:
    real, fake = torch.randn(2, 1_000, dim, generator=torch.Generator().manual_seed(0))
    assert invented_mass(real, width * fake, torch.arange(500)).estimate == 0


def test_samples_no_farther_than_every_held_out_example_are_near() -> None:
    kept = []
    for seed in range(20):
        real, fake, half, _ = sides(seed)
        kept.append(Farness.of(real, fake, half).near().mean())
    assert np.mean(kept) > 0.995
    real, fake, half, _ = sides(0)
    fake[:300] -= 40
    near = Farness.of(real, fake, half).near()
    assert not near[:300].any()
    assert near[300:].mean() > 0.99


def test_the_chance_of_an_alarm_is_small() -> None:
    alarms = 0
    for seed in range(100):
        real, fake, half, _ = sides(seed, n=200, m=200)
        alarms += copied_mass(real, fake, half).ci95[0] > 0
        alarms += invented_mass(real, fake, half).ci95[0] > 0
    assert alarms <= 10  # of 200


def test_repeated_data_are_no_copies() -> None:
    real, fake, half, _ = sides(0)
    real[500:], fake[500:] = real[:500], fake[:500]  # every example twice: half of them in both halves
    fresh = copied_mass(real, fake, half)
    assert fresh.ci95[0] == 0
    same = copied_mass(real, real, half)
    assert same.estimate > 0.9
