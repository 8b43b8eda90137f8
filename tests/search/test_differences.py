"""What float32 decides of pairs is what float64 says, at any scale and near any limit."""

from __future__ import annotations

import pytest
import torch

from allmodes.search.differences import near_pairs_of


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e-14, 1.0, 1e17, 1e25])
def test_pairs_near_a_limit_are_on_the_side_where_float64_has_them(scale: float, kind: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(0)
    near = torch.randn(1, 600, generator=rng) + 1e-4 * torch.randn(20, 600, generator=rng)
    points = (scale * torch.cat([torch.randn(20, 600, generator=rng), near])).to(kind)
    rows, columns = torch.triu_indices(len(points), len(points), 1)
    true = (points.double()[rows] - points.double()[columns]).square().sum(1)
    others = true[torch.randperm(len(true), generator=rng)] * (1 + 1e-9)
    for most in (true * (1 + 1e-9), true * (1 - 1e-9), true * (1 + 1e-5), others):
        assert torch.equal(near_pairs_of(points, points, rows, columns, most), true <= most)
