"""The choice of a backend: what a cost model says, with constants of its own or measured ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.search import DCI, Auto, Exact, auto, cost


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch):
    def by(backend: str) -> None:
        monkeypatch.setattr(auto, "cheapest", lambda workload: backend)

    return by


@pytest.mark.parametrize("backend", cost.BACKENDS)
def test_answers_with_the_backend_that_is_cheapest(choose, backend: str) -> None:
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(8, 200, generator=rng)
    points, queries = (torch.randn(n, 8, generator=rng) @ mixing for n in (3_000, 40))
    index, true = Auto(200), Exact(200)
    choose(backend)
    gone = index.add(points[:1_000])[::3]
    index.add(points[1_000:])
    index.remove(gone)
    true.add(points)
    true.remove(gone)
    expected = true.query(queries, 2)
    found = index.query(queries, 2)
    assert index.chosen == backend
    assert (found.ids == expected.ids).float().mean() > 0.9
    more = points[gone] + 0.01
    assert torch.equal(index.add(more), true.add(more))
    index.remove(torch.arange(1, 900, 3))
    true.remove(torch.arange(1, 900, 3))
    assert (index.query(queries, 2).ids == true.query(queries, 2).ids).float().mean() > 0.9


@pytest.mark.parametrize(("points", "dim"), [(100, 784), (5_000, 16)])
def test_few_or_narrow_points_are_searched_exactly(choose, points: int, dim: int) -> None:
    choose("dci")
    index = Auto(dim)
    index.add(torch.randn(points, dim))
    index.query(torch.randn(3, dim))
    assert index.chosen == "exact"


def test_the_model_is_fitted_to_its_own_kind_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    true = {"exact": [1e-4, 1e-9, 2e-9, 3e-11, 1e-9, 1e-9], "dci": [2e-4, 2e-9, 1e-9, 2e-9, 1e-10, 1e-8]}
    monkeypatch.setattr(cost, "_seconds", lambda backend, load: float(load.terms(backend) @ np.array(true[backend])))
    for backend, constants in true.items():
        fitted = cost._fitted(backend)
        load = cost.Workload(queries=500, points=50_000, dim=1_000)
        assert load.terms(backend) @ fitted == pytest.approx(load.terms(backend) @ np.array(constants), rel=0.05)


def test_constants_are_measured_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    monkeypatch.setattr(cost, "SIZES", ((16, 300, 16), (64, 300, 32), (16, 900, 32), (64, 900, 16)))
    cost.measured.cache_clear()
    first = cost.measured()
    monkeypatch.setattr(cost, "_fitted", lambda backend: pytest.fail("measured again"))
    cost.measured.cache_clear()
    second = cost.measured()
    cost.measured.cache_clear()
    assert set(first) == set(cost.BACKENDS)
    assert all(np.array_equal(first[backend], second[backend]) for backend in first)
    assert all((values >= 0).all() and values.sum() > 0 for values in first.values())


def test_a_standing_index_costs_no_building() -> None:
    fresh, built = (cost.Workload(10, 10_000, 500, standing=standing).terms("dci") for standing in ("exact", "dci"))
    assert (built[1:3] == 0).all()
    assert (built[3:] == fresh[3:]).all()


def test_points_move_to_the_index_that_a_query_needs(choose) -> None:
    rng = torch.Generator().manual_seed(0)
    points = torch.randn(3_000, 200, generator=rng)
    choose("exact")
    index = Auto(200)
    index.remove(index.add(points)[:10])
    for backend in ("dci", "exact", "dci"):
        choose(backend)
        found = index.query(points[20:30])
        assert index.chosen == backend
        assert torch.equal(found.ids[:, 0], torch.arange(20, 30))
    assert torch.equal(index.add(points[:1]), torch.tensor([3_000]))


def test_the_chosen_index_answers_as_it_does_by_itself(choose) -> None:
    rng = torch.Generator().manual_seed(0)
    mixing = torch.randn(8, 200, generator=rng)
    points, queries = (torch.randn(n, 8, generator=rng) @ mixing for n in (4_000, 50))
    choose("dci")
    index, alone = Auto(200), DCI(200)
    for one in (index, alone):
        one.clear()
        one.remove(one.add(points[:10]))
        one.clear()
        one.add(points)
    found, expected = index.query(queries), alone.query(queries)
    assert torch.equal(found.distances, expected.distances)
    assert torch.equal(found.ids, expected.ids)
    assert found.evaluations == expected.evaluations
