"""Search is exact: whatever the offset, the scale and the spread, the neighbours are those of float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from allmodes.search import Auto, Exact
from allmodes.search.frame import Precise


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


def test_products_are_precise_inside_and_as_they_were_set_outside():
    """Few processors round products on their own account; so what is set is looked at."""
    backend = torch.backends.mkldnn.matmul
    try:
        torch.set_float32_matmul_precision("medium")
        with Precise(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    before = backend.fp32_precision
    try:
        backend.fp32_precision = "bf16"  # as later versions of torch have it; what they had before cannot be read then
        with Precise(torch.device("cpu")):
            assert backend.fp32_precision == "ieee"
        assert backend.fp32_precision == "bf16"
    finally:
        backend.fp32_precision = before


@pytest.mark.parametrize("options", [{"block": 0}, {"block": 1.5}, {"precision": "float16"}, {"precision": "int8"}])
def test_options_that_are_none_are_refused(options):
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be"):
        Exact(4, **options)


def test_the_frame_follows_points_that_came_later():
    """A first point far from all others decides nothing once they are there, nor do points that are gone."""
    index = Exact(8)
    gone = index.add(torch.zeros(300, 8))
    index.add(normal(500, 8) + 1e6)
    index.remove(gone)
    index.add(normal(500, 8, seed=1) + 1e6)
    points, _ = index.all_points()
    assert (index.query(points).distances == 0).all()
    assert index._cloud.frame.origin == pytest.approx(torch.full((8,), 1e6), rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_points_at_any_place_and_size(data):
    n, dim, k = (data.draw(st.integers(1, most)) for most in (300, 20, 6))
    points = clusters(data.draw(st.integers(1, 9)), n, dim, apart=10.0 ** data.draw(st.integers(-3, 8)), width=1)
    points = (points + data.draw(st.sampled_from([0.0, 1.0, 1e6]))) * 10.0 ** data.draw(st.integers(-30, 25))
    index = Exact(dim, block=data.draw(st.sampled_from([7, 64, 4096])))
    for part in points.split(data.draw(st.integers(1, 300))):
        index.add(part)
    found, true = index.query(points, k).ids[:, : min(k, n)], squares(points, points)
    expected = true.topk(min(k, n), 1, largest=False).values
    torch.testing.assert_close(true.gather(1, found), expected, rtol=1e-6, atol=0)
