"""The neighbours of DCI are those of float64, whatever the offset, the scale and the spread of the points."""

from __future__ import annotations

import pytest
import torch

from allmodes.search import DCI


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def recall(points: torch.Tensor, queries: torch.Tensor, index: DCI, k: int) -> float:
    """Share of the answers that are no farther than the k-th nearest point by float64."""
    true = torch.cdist(queries.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
    found = index.query(queries, k)
    limit = true.topk(k, largest=False).values[:, -1:] * (1 + 1e-6)
    return float((true.gather(1, found.ids) <= limit).double().mean())


def clusters(count: int, size: int, dim: int, *, apart: float, width: float) -> torch.Tensor:
    return (normal(count, 1, dim) * apart + width * normal(count, size, dim, seed=1)).reshape(-1, dim)


@pytest.mark.parametrize(
    ("points", "k"),
    [
        (clusters(50, 10, 3, apart=4e6, width=10), 1),
        (clusters(50, 200, 3, apart=4e6, width=10), 5),
        (clusters(20, 200, 32, apart=1e4, width=0.1), 5),
        (clusters(20, 100, 200, apart=1e4, width=0.1), 5),
    ],
    ids=["3-d", "3-d, large", "32-d", "200-d"],
)
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_clusters_far_apart_against_their_width(points: torch.Tensor, k: int, offset: float) -> None:
    points = points + offset
    index = DCI(points.shape[1])
    index.add(points)
    assert recall(points, points[::7], index, k) > 0.99


def test_later_points_far_from_the_first() -> None:
    batches = [normal(3_000, 32), normal(3_000, 32, seed=1) + 1e5]
    index = DCI(32)
    for batch in batches:
        index.add(batch)
    queries = torch.cat([batch[::30] + 0.1 * normal(100, 32, seed=2) for batch in batches])
    assert recall(torch.cat(batches), queries, index, 5) > 0.99


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-6, 1e6, 1e25, 1e37])
def test_any_scale(scale: float) -> None:
    points, queries = normal(2_000, 16) * scale, normal(40, 16, seed=1) * scale
    index, plain = DCI(16), DCI(16)
    index.add(points)
    plain.add(normal(2_000, 16))
    assert recall(points, queries, index, 3) > 0.97
    unscaled = plain.query(normal(40, 16, seed=1), 3).distances.double()
    torch.testing.assert_close(index.query(queries, 3).distances.double() / scale, unscaled, rtol=1e-5, atol=0)


@pytest.mark.parametrize("order", ["l2", "linf", "prioritized"])
@pytest.mark.parametrize("other", [1e-25, 1e20, 3e37])
def test_points_of_very_different_sizes(order: str, other: float) -> None:
    batches = [normal(500, 16), normal(300, 16, seed=1) * other, normal(200, 16, seed=2)]
    index = DCI(16, order=order)
    ids = [index.add(batch) for batch in batches]
    queries = torch.cat([batch[:9] * 1.001 for batch in batches] + [normal(5, 16).sign() * 3e38])
    points = torch.cat(batches)
    true = (points.double()[None] - queries.double()[:, None]).norm(dim=2)
    assert torch.equal(index.query(queries, 1).ids[:, 0], true.argmin(1))
    index.remove(ids[1])
    true[:, ids[1]] = torch.inf
    assert torch.equal(index.query(queries, 1).ids[:, 0], true.argmin(1))
