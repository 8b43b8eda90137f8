"""Whether two sets follow one law: the level where they do, and what is seen where they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allmodes.auditing import difference
from allmodes.auditing.difference import _neighbours, _statistic


def normals(n: int, m: int, dim: int, seed: int, *, scale: float = 1, shift: float = 0) -> tuple[torch.Tensor, ...]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=rng), scale * torch.randn(m, dim, generator=rng) + shift


@pytest.mark.parametrize(("n", "m", "dim"), [(150, 150, 4), (120, 240, 40)])
def test_equal_laws_seem_to_differ_as_often_as_said(n: int, m: int, dim: int) -> None:
    p = np.array([difference(*normals(n, m, dim, seed), seed=seed).p_value for seed in range(150)])
    assert (p <= 0.05).sum() <= 16  # 7.5 are due, and 16 in one of a thousand
    assert 0.4 < p.mean() < 0.6


@pytest.mark.parametrize(("dim", "scale", "shift"), [(8, 0.85, 0), (16, 0.8, 0), (16, 1.2, 0), (8, 1, 0.3)])
def test_what_no_part_shows_is_seen(dim: int, scale: float, shift: float) -> None:
    seen = [difference(*normals(800, 800, dim, s, scale=scale, shift=shift), seed=s).p_value for s in range(8)]
    assert max(seen) <= 0.05


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_copies_are_no_difference(share: float) -> None:
    seen = []
    for seed in range(20):
        real, fake = normals(300, 300, 10, seed)
        fake[: int(300 * share)] = real[: int(300 * share)]
        seen.append(difference(real, fake, seed=seed).p_value)
    assert sum(p <= 0.05 for p in seen) <= 2


def test_equal_points_are_no_difference() -> None:
    same = [difference(torch.zeros(60, 3), torch.zeros(90, 3), seed=seed).p_value for seed in range(20)]
    assert sum(p <= 0.05 for p in same) <= 3


def test_the_statistic_is_that_of_brute_force() -> None:
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).float()
    graph = _neighbours(points).toarray()
    far = torch.cdist(points.double(), points.double()).fill_diagonal_(torch.inf).numpy()
    for row, others in zip(graph, far, strict=True):
        assert set(np.flatnonzero(row)) == set(np.argsort(others)[:10])
    rng = np.random.default_rng(0)
    sides = np.stack([rng.permutation(np.arange(40) < 15) for _ in range(30)], axis=1)
    ours, theirs = (np.array([graph[np.ix_(s, s)].sum() for s in some.T]) for some in (sides, ~sides))
    together, against = ours * 24 / 38 + theirs * 14 / 38, ours - theirs
    expected = [(x - x.mean()) / x.std() for x in (together, against)]
    found = _statistic(_neighbours(points), sides.astype(np.float32), 15, 25)
    np.testing.assert_allclose(found, np.maximum(expected[0], abs(expected[1])), rtol=1e-5)
