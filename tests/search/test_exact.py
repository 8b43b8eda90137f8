"""Exact search in blocks."""

from __future__ import annotations

import pytest
import torch

from allmodes.search import Exact


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
@pytest.mark.parametrize("k", [1, 3, 50])
def test_the_size_of_blocks_does_not_matter(block: int, k: int) -> None:
    points, queries = torch.randn(101, 9), torch.randn(23, 9)
    whole, blocked = Exact(9), Exact(9, block=block)
    whole.add(points)
    blocked.add(points)
    expected, found = whole.query(queries, k), blocked.query(queries, k)
    assert torch.equal(found.ids, expected.ids)
    assert torch.equal(found.distances, expected.distances)


def test_half_precision_is_ranked_again_in_full() -> None:
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(8, 100, generator=rng)
    points, queries = (torch.randn(n, 8, generator=rng) @ mixing for n in (4_000, 50))
    plain, half = Exact(100), Exact(100, precision="bfloat16")
    plain.add(points)
    half.add(points)
    for k in (1, 10):
        expected, found = plain.query(queries, k), half.query(queries, k)
        assert (found.ids == expected.ids).float().mean() > 0.95
        torch.testing.assert_close(found.distances, expected.distances, rtol=1e-3, atol=1e-3)


def test_points_added_in_parts_are_one_set() -> None:
    points, queries = torch.randn(300, 9), torch.randn(20, 9)
    whole, parts = Exact(9), Exact(9, device="cpu")
    whole.add(points)
    for part in points.split(70):
        parts.add(part, borrow=True)
    for index in (whole, parts):
        index.remove(torch.arange(0, 300, 4))
    expected, found = whole.query(queries, 7), parts.query(queries, 7)
    assert torch.equal(found.ids, expected.ids)
    torch.testing.assert_close(found.distances, expected.distances)


@pytest.mark.gpu
def test_blocks_pass_through_a_device_that_holds_neither_side() -> None:
    points, queries = torch.randn(3_000, 64), torch.randn(100, 64)
    there, here = Exact(64, device="cuda", block=256), Exact(64)
    there.add(points)
    here.add(points)
    expected, found = here.query(queries, 3), there.query(queries, 3)
    assert found.ids.device.type == "cpu"
    assert (found.ids == expected.ids).float().mean() > 0.99
