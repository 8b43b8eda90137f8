"""Search is exact: whatever the offset, the scale and the spread, the neighbours are those of float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from allmodes.search import Auto, Exact


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clusters(count: int, n: int, dim: int, *, apart: float, width: float) -> Tensor:
    return apart * normal(count, dim)[torch.arange(n) % count] + width * normal(n, dim, seed=1)


def squares(queries: Tensor, points: Tensor) -> Tensor:
    """By differences in float64, ``(q, n)``."""
    return torch.stack([(points.double() - query.double()).square().sum(1) for query in queries])


CASES = {
    "clusters far apart against their width": [clusters(50, 500, 3, apart=4e6, width=10)],
    "clusters in 32 dimensions": [clusters(50, 1000, 32, apart=1e4, width=0.1)],
    "a second batch elsewhere": [normal(400, 32), normal(400, 32, seed=2) + 1e5],
    "an offset": [normal(500, 16) + 1e5],
    "an outlier": [torch.cat([normal(500, 16), 1e15 * normal(3, 16, seed=3)])],
    "two scales": [torch.cat([1e-30 * normal(500, 16), 1e25 * normal(3, 16, seed=3)])],
    "repeated rows": [normal(20, 16).repeat(20, 1)],
    **{f"scale {scale:g}": [scale * normal(500, 16)] for scale in (1e-30, 1e-10, 1e10, 1e25)},
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_are_those_of_float64_up_to_ties(name, precision, k):
    index, points = Exact(CASES[name][0].shape[1], precision=precision), torch.cat(CASES[name])
    for part in CASES[name]:
        index.add(part)
    found = index.query(points, k)
    true = squares(points, points)
    expected = true.topk(k, 1, largest=False).values.sqrt()
    torch.testing.assert_close(true.gather(1, found.ids).sqrt(), expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(found.distances.double(), expected, rtol=1e-6, atol=1e-45)
    assert all(len(set(row)) == k for row in found.ids.tolist())


def test_auto_is_exact_for_clusters_far_apart():
    points = clusters(50, 500, 3, apart=4e6, width=10)
    index = Auto(3, queries=len(points))
    index.add(points)
    assert (index.query(points).ids[:, 0] == torch.arange(500)).all()


def test_products_in_low_precision_elsewhere_change_nothing():
    points = clusters(20, 600, 16, apart=100, width=0.1)
    index = Exact(16)
    index.add(points)
    plain = index.query(points, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(index.query(points, 3).ids, plain.ids)
