"""The ratio of densities around real examples: what is dropped comes first, sizes may differ."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from allmodes.auditing import Balls


def mixture(n: int, shares: list[float], seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Separate groups of points in 8 dimensions, with these shares."""
    rng = torch.Generator().manual_seed(seed)
    groups = torch.multinomial(torch.tensor(shares), n, replacement=True, generator=rng)
    centres = 6 * torch.randn(len(shares), 8, generator=torch.Generator().manual_seed(99))
    return centres[groups] + torch.randn(n, 8, generator=rng), groups.numpy()


DATA = [0.02, 0.08, 0.2, 0.3, 0.4]


def test_examples_of_what_is_dropped_come_first() -> None:
    real, groups = mixture(1_500, DATA, 0)
    fake, _ = mixture(1_500, [0.0, 0.08, 0.2, 0.3, 0.4], 1)
    assert roc_auc_score(groups == 0, Balls.around(real, fake).scores()) > 0.98


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 1), (12, 100), (100, 5)])
def test_any_number_of_examples_has_an_answer(n: int, m: int) -> None:
    rng = torch.Generator().manual_seed(0)
    balls = Balls.around(torch.randn(n, 4, generator=rng), torch.randn(m, 4, generator=rng))
    assert balls.scores().shape == (n,)
    assert np.isfinite(balls.scores()).all()


def test_samples_that_crowd_in_the_centre_serve_nothing() -> None:
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(1_200, 30, generator=rng)
    blurred = 0.2 * torch.randn(1_200, 30, generator=rng)
    balls, back = Balls.around(real, blurred), Balls.around(blurred, real)
    assert np.median(balls.scores()) < 0  # in many dimensions the centre is near to everything
    assert np.median(balls.scores(back.companions())) > 1
