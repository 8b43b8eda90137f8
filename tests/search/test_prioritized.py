"""Prioritized DCI against the priority queue of the paper (Li & Malik 2017, algorithm 2), as it is written there."""

from __future__ import annotations

import heapq
from pathlib import Path

import pytest
import torch

from allmodes.search import DCI


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def queue(points: torch.Tensor, query: torch.Tensor, retrieve: int, visit: int) -> tuple[list[int], int]:
    """Points retrieved from one composite index, given by its projections ``(n, m)``, and the entries visited."""
    lists = [sorted(range(len(points)), key=lambda i, j=j: points[i, j]) for j in range(points.shape[1])]  # type: ignore[misc]
    heap: list[tuple[float, int, int, int, int]] = []

    def push(j: int, at: int, step: int) -> None:
        if 0 <= at < len(points):
            i = lists[j][at]
            heapq.heappush(heap, (float(abs(points[i, j] - query[j])), i, j, at, step))

    for j, order in enumerate(lists):
        middle = sum(bool(points[i, j] < query[j]) for i in order)
        push(j, middle, 1)
        push(j, middle - 1, -1)
    seen, found, visits = [0] * len(points), [], 0
    while heap and len(found) < retrieve and visits < visit:
        _, i, j, at, step = heapq.heappop(heap)
        push(j, at + step, step)
        visits += 1
        seen[i] += 1
        if seen[i] == len(lists):
            found.append(i)
    return found, visits


@pytest.mark.parametrize(("retrieve", "visit"), [(1, 10**9), (20, 10**9), (20, 150), (200, 700), (200, 10**9)])
def test_finds_and_visits_what_a_priority_queue_does(retrieve: int, visit: int) -> None:
    points, queries = normal(200, 12), normal(6, 12, seed=1)
    index = DCI(12, simple=3, composite=2, order="prioritized", directions="random")
    index.add(points[:150])
    index.add(points[150:])
    assert index.directions is not None
    projected, asked = (
        (x - index.directions.origin) @ index.directions.matrix.T * index.directions.scale for x in (points, queries)
    )
    for query, at in zip(queries, asked, strict=True):
        found: set[int] = set()
        visits = 0
        for l in (0, 3):  # noqa: E741
            some, more = queue(projected[:, l : l + 3], at[l : l + 3], retrieve, visit)
            found, visits = found | set(some), visits + more
        k = min(retrieve, 10)
        answer = index.query(query[None], k, retrieve=retrieve, visit=visit)
        assert answer.visits == visits
        assert answer.evaluations == len(found)
        nearest = sorted(found, key=lambda i: float((points[i].double() - query.double()).norm()))[:k]
        assert answer.ids[0, : len(nearest)].tolist() == nearest


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_levels_find_every_neighbour_when_all_cells_are_opened(levels: int) -> None:
    index = DCI(10, simple=4, order="prioritized", levels=levels)
    points = normal(900, 10)
    ids = torch.cat([index.add(part) for part in points.split([1, 30, 600, 2, 267])])
    for gone in (ids[::5], ids[1::5], ids[2::5]):  # among them points that others belong to; then the rest moves
        index.remove(gone)
        points = points.index_fill(0, gone, torch.inf)
        queries = normal(20, 10, seed=1)
        true = (points.double()[None] - queries.double()[:, None]).norm(dim=2).topk(7, largest=False)
        found = index.query(queries, 7, retrieve=900, field_of_view=900)
        assert torch.equal(found.ids, true.indices)


def test_levels_find_most_with_a_fraction_of_the_visits() -> None:
    points = torch.tanh(normal(8_000, 8) @ normal(8, 64, seed=1))
    queries = torch.tanh(normal(100, 8, seed=2) @ normal(8, 64, seed=1))
    true = torch.cdist(queries.double(), points.double()).topk(5, largest=False).indices
    reached = []
    for levels in (1, 2, 3):
        index = DCI(64, simple=7, order="prioritized", directions="random", levels=levels)
        index.add(points)
        found = index.query(queries, 5, retrieve=150, field_of_view=20)
        reached.append((found.visits, float((found.ids[:, :, None] == true[:, None]).any(2).double().mean())))
    (flat, _), (two, recall_two), (three, recall_three) = reached
    assert max(two, three) < flat / 3
    assert min(recall_two, recall_three) > 0.9


def test_levels_depend_on_the_points_alone(tmp_path: Path) -> None:
    index = DCI(6, simple=3, order="prioritized", levels=3)
    for part in normal(2_000, 6).split([1_300, 50, 1, 649]):
        index.remove(index.add(part)[::3])
    index.save(tmp_path / "a")
    loaded, queries = DCI.load(tmp_path / "a"), normal(50, 6, seed=1)
    found, expected = (which.query(queries, 4, retrieve=10, field_of_view=3) for which in (loaded, index))
    assert torch.equal(found.ids, expected.ids)
    assert (found.visits, found.evaluations) == (expected.visits, expected.evaluations)


def test_levels_are_for_lists_alone() -> None:
    with pytest.raises(ValueError, match=r"levels \(2\) are of order"):
        DCI(4, levels=2)
    with pytest.raises(ValueError, match="levels must be a whole number and at least 1, not 0"):
        DCI(4, levels=0, order="prioritized")
