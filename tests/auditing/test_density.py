"""The ratio of densities around real examples: planted drops, nothing dropped, sizes that differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from allmodes.auditing import Balls, dropped_mass
from allmodes.auditing.density import corrected


def mixture(n: int, shares: list[float], seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Separate groups of points in 8 dimensions, with these shares."""
    rng = torch.Generator().manual_seed(seed)
    groups = torch.multinomial(torch.tensor(shares), n, replacement=True, generator=rng)
    centres = 6 * torch.randn(len(shares), 8, generator=torch.Generator().manual_seed(99))
    return centres[groups] + torch.randn(n, 8, generator=rng), groups.numpy()


DATA = [0.02, 0.08, 0.2, 0.3, 0.4]


@pytest.mark.parametrize(("lost", "samples"), [([0], 1_500), ([1], 1_500), ([1, 2], 700), ([1, 2], 4_000), ([], 1_500)])
def test_the_dropped_mass_is_found(lost: list[int], samples: int) -> None:
    truth = sum(DATA[group] for group in lost)
    left = [0.0 if group in lost else share for group, share in enumerate(DATA)]
    covered, estimates = 0, []
    for seed in range(8):
        real, _ = mixture(1_500, DATA, 2 * seed)
        fake, _ = mixture(samples, left, 2 * seed + 1)
        found = dropped_mass(Balls.around(real, fake), seed=seed)
        covered += found.ci95[0] <= truth <= found.ci95[1]
        estimates.append(found.estimate)
    assert np.mean(estimates) == pytest.approx(truth, abs=0.012)
    assert covered >= 7


def test_the_interval_holds_what_lies_close_to_what_is_kept() -> None:
    """Two groups of ten are lost, and each lies so near to one that is kept that balls hold both."""
    covered = []
    for seed in range(20):
        rng = torch.Generator().manual_seed(seed)
        groups = torch.randint(0, 10, (2, 1_500), generator=rng)
        centres = 7 * torch.randn(5, 8, generator=torch.Generator().manual_seed(99)).repeat(2, 1)
        centres[5:, 0] += 1.8
        real, fake = centres[groups] + torch.randn(2, 1_500, 8, generator=rng)
        found = dropped_mass(Balls.around(real, fake[groups[1] >= 2]), seed=seed)
        covered.append(found.ci95[0] <= 0.2 <= found.ci95[1])
    assert all(covered)


def test_the_interval_is_narrow_enough_to_tell() -> None:
    real, _ = mixture(1_500, DATA, 0)
    fake, _ = mixture(1_500, [0.02, 0.08, 0.0, 0.3, 0.4], 1)
    low, high = dropped_mass(Balls.around(real, fake)).ci95
    assert low > 0.15
    assert high < 0.3


def test_examples_of_what_is_dropped_come_first() -> None:
    real, groups = mixture(1_500, DATA, 0)
    fake, _ = mixture(1_500, [0.0, 0.08, 0.2, 0.3, 0.4], 1)
    assert roc_auc_score(groups == 0, Balls.around(real, fake).scores()) > 0.98


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 1), (12, 100), (100, 5)])
def test_any_number_of_examples_has_an_answer(n: int, m: int) -> None:
    rng = torch.Generator().manual_seed(0)
    balls = Balls.around(torch.randn(n, 4, generator=rng), torch.randn(m, 4, generator=rng))
    found = dropped_mass(balls)
    assert 0 <= found.ci95[0] <= found.estimate <= found.ci95[1] <= 1
    assert balls.scores().shape == (n,)
    assert np.isfinite(balls.scores()).all()


def test_identical_sets_drop_nothing() -> None:
    real, _ = mixture(400, DATA, 0)
    assert dropped_mass(Balls.around(real, real)).estimate < 0.01


def test_samples_that_crowd_in_the_centre_serve_nothing() -> None:
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(1_200, 30, generator=rng)
    blurred = 0.2 * torch.randn(1_200, 30, generator=rng)
    plain = dropped_mass(Balls.around(real, blurred))
    assert plain.estimate < 0.2  # in many dimensions the centre is near to everything
    crowded = dropped_mass(Balls.around(blurred, real), fraction=0.2)
    assert crowded.estimate > 0.95
    found = corrected(plain, crowded, fraction=0.5)
    assert found.estimate > 0.7
    assert found.ci95[1] == 1.0
    scores = Balls.around(real, blurred).scores(Balls.around(blurred, real).companions())
    assert np.median(scores) > 1


def test_where_nothing_crowds_nothing_is_corrected() -> None:
    real, _ = mixture(800, DATA, 0)
    fake, _ = mixture(800, DATA, 1)
    plain = dropped_mass(Balls.around(real, fake))
    crowded = dropped_mass(Balls.around(fake, real), fraction=0.2)
    assert crowded.ci95[0] == 0
    assert corrected(plain, crowded, fraction=0.5) == plain


def test_one_mode_of_five_is_four_fifths_dropped() -> None:
    real, _ = mixture(1_000, [0.2] * 5, 0)
    fake, _ = mixture(1_000, [1.0, 0.0, 0.0, 0.0, 0.0], 1)
    plain = dropped_mass(Balls.around(real, fake))
    crowded = dropped_mass(Balls.around(fake, real), fraction=0.2)
    assert corrected(plain, crowded, fraction=0.5).estimate == pytest.approx(0.8, abs=0.03)
