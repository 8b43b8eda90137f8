"""Regions: nested, complete, and blind to what they are not drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allmodes.auditing import Regions


def blobs(n: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=rng) + 8 * torch.eye(5)[torch.arange(n) % 5]


def test_every_coarser_region_is_a_union_of_finer_ones() -> None:
    regions = Regions.drawn(blobs(1_000, 0), seed=0)
    sizes = [len(np.unique(level)) for level in regions.levels]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 100
    found = regions.of(blobs(300, 1))
    for finer, coarser in zip(found, found[1:], strict=False):
        assert all(len(np.unique(coarser[finer == region])) == 1 for region in np.unique(finer))


def test_regions_follow_the_groups_of_the_data() -> None:
    regions = Regions.drawn(blobs(1_000, 0), seed=0)
    finest = regions.of(blobs(500, 1))[0]
    groups = np.arange(500) % 5
    pure = [np.bincount(groups[finest == region]).max() / (finest == region).sum() for region in np.unique(finest)]
    assert np.mean(pure) > 0.99


def test_the_finest_can_be_left_out_but_not_all() -> None:
    regions = Regions.drawn(blobs(1_000, 0), seed=0)
    coarser = regions.coarser(1)
    assert coarser.names()[0] == (1, 0)
    assert set(coarser.names()) == {name for name in regions.names() if name[0] >= 1}
    assert (coarser.of(blobs(300, 1)) == regions.of(blobs(300, 1))[1:]).all()
    assert regions.coarser(9).names() == [name for name in regions.names() if name[0] == len(regions.levels) - 1]


@pytest.mark.parametrize("points", [torch.zeros(50, 3), torch.ones(1, 3), torch.arange(4.0)[:, None].expand(4, 3)])
def test_few_or_equal_examples_have_few_regions(points: torch.Tensor) -> None:
    regions = Regions.drawn(points.contiguous(), seed=0)
    assert len(regions.levels[0]) == 1
    assert (regions.of(points.contiguous()) == 0).all()
