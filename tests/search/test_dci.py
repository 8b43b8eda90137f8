"""Dynamic Continuous Indexing: against brute force, against a fresh index, and one order against another."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allmodes.core.errors import UserError
from allmodes.core.records import Neighbours
from allmodes.search import DCI, Directions

ORDERS = ("l2", "linf", "prioritized")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(first: Neighbours, second: Neighbours) -> bool:
    return torch.equal(first.ids, second.ids) and torch.equal(first.distances, second.distances)


class Operations(RuleBasedStateMachine):
    """Any sequence of insertions and deletions."""

    @initialize(seed=st.integers(0, 2**20), order=st.sampled_from(ORDERS), dim=st.integers(1, 40))
    def begin(self, seed: int, order: str, dim: int) -> None:
        self.rng = torch.Generator().manual_seed(seed)
        self.options = {"simple": 1 + seed % 7, "composite": 1 + seed % 3, "order": order}
        self.index = DCI(dim, **self.options, seed=seed, directions="random" if seed % 2 else "pca")
        self.twin: dict[int, torch.Tensor] = {}
        self.insert(5)

    @rule(count=st.integers(0, 200))
    def insert(self, count: int) -> None:
        points = torch.randn(count, self.index.dim, generator=self.rng)
        ids = self.index.add(points)
        assert not set(ids.tolist()) & set(self.twin)
        self.twin |= dict(zip(ids.tolist(), points, strict=True))

    @rule(share=st.floats(0, 1))
    def delete(self, share: float) -> None:
        ids = [i for i in self.twin if float(torch.rand((), generator=self.rng)) < share]
        self.index.remove(torch.tensor(ids, dtype=torch.int64))
        for i in ids:
            del self.twin[i]

    @rule(count=st.integers(1, 9), k=st.integers(1, 5), retrieve=st.integers(1, 30))
    def equals_a_fresh_index(self, count: int, k: int, retrieve: int) -> None:
        queries = torch.randn(count, self.index.dim, generator=self.rng)
        fresh = DCI(self.index.dim, **self.options, directions=self.index.directions)
        names = torch.tensor([*self.twin, -1])
        if self.twin:
            fresh.add(torch.stack(list(self.twin.values())))
        expected = fresh.query(queries, k, retrieve=retrieve)
        found = self.index.query(queries, k, retrieve=retrieve)
        assert torch.equal(found.ids, names[expected.ids])
        assert torch.equal(found.distances, expected.distances)

    @rule(k=st.integers(1, 5))
    def equals_brute_force_when_everything_is_a_candidate(self, k: int) -> None:
        queries = torch.randn(4, self.index.dim, generator=self.rng)
        found = self.index.query(queries, k, retrieve=len(self.twin) + 1)
        if self.twin:
            points = torch.stack(list(self.twin.values())).double()
            true = torch.cdist(queries.double(), points, compute_mode="donot_use_mm_for_euclid_dist")
            nearest = true.topk(min(k, len(points)), largest=False).values
            torch.testing.assert_close(found.distances[:, : len(points)].double(), nearest, rtol=1e-5, atol=1e-5)

    @invariant()
    def has_the_right_size(self) -> None:
        assert len(self.index) == len(self.twin)


Operations.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOperations = Operations.TestCase


@pytest.mark.parametrize("size", [100, 3_000, 20_000])
def test_a_scan_finds_what_the_papers_lists_find(size: int) -> None:
    points, queries = normal(size, 32), normal(12, 32, seed=1)
    scan, lists = (
        DCI(32, simple=5, composite=3, order=order, directions="random") for order in ("linf", "prioritized")
    )
    scan.add(points)
    lists.add(points)
    for retrieve in (1, 7, 50, size // 10):
        found, expected = (index.query(queries, 4, retrieve=retrieve) for index in (scan, lists))
        assert same(found, expected)
        assert found.evaluations == expected.evaluations
        assert found.visits == 0
        assert expected.visits >= 12 * 3 * retrieve


def test_a_bound_on_visits_ends_the_traversal() -> None:
    index = DCI(16, simple=4, composite=1, order="prioritized", directions="random")
    index.add(normal(2_000, 16))
    few, all_ = (index.query(normal(5, 16, seed=1), retrieve=500, visit=visit) for visit in (300, None))
    assert few.visits == 5 * 300
    assert few.evaluations < all_.evaluations == 5 * 500


@pytest.mark.parametrize("order", ORDERS)
def test_answers_do_not_depend_on_batches(order: str) -> None:
    points, queries = normal(3_000, 70), normal(77, 70, seed=1)
    whole, parts = (DCI(70, simple=9, order=order, directions=directions(70, 18)) for _ in range(2))
    whole.add(points)
    for part in points.split(137):
        parts.add(part)
    expected = whole.query(queries, 3)
    found = [parts.query(part, 3) for part in queries.split(5)]
    assert torch.equal(torch.cat([f.ids for f in found]), expected.ids)
    assert torch.equal(torch.cat([f.distances for f in found]), expected.distances)


def directions(dim: int, count: int) -> Directions:
    return Directions.fitted(normal(100, dim, seed=5), count, "random", seed=0)


def test_equal_projections_are_no_trap() -> None:
    index = DCI(8)
    index.add(torch.ones(5_000, 8))
    found = index.query(torch.ones(3, 8), 3)
    assert found.ids.tolist() == [[0, 1, 2]] * 3
    assert (found.distances == 0).all()


def test_memory_beyond_the_data_is_the_projections_and_the_ids() -> None:
    index = DCI(64, simple=16, composite=2)
    for part in normal(10_240, 64).split(100):
        index.add(part)
    assert index.nbytes <= 4 * (32 + 2) * 10_240


def test_deletion_gives_memory_back() -> None:
    index = DCI(8)
    ids = index.add(normal(20_000, 8))
    before = index.nbytes
    index.remove(ids[torch.randperm(20_000)[:19_000]])
    assert index.nbytes < before / 8


def test_borrowed_points_are_neither_copied_nor_changed() -> None:
    points, more = normal(1_500, 8), normal(300, 8, seed=1)
    kept = points.clone()
    borrowed, copied = DCI(8), DCI(8)
    for index, borrow in ((borrowed, True), (copied, False)):
        ids = index.add(points, borrow=borrow)
        index.add(more, borrow=borrow)
        index.remove(ids[::2])
        index.remove(ids[1:1_200:2])
    assert same(borrowed.query(kept[:50], 3), copied.query(kept[:50], 3))
    assert torch.equal(points, kept)


def test_borrowed_points_live_as_long_as_the_index() -> None:
    points = normal(500, 8)
    count = sys.getrefcount(points)
    index = DCI(8)
    index.add(points, borrow=True)
    expected = index.query(points[:5].clone())
    assert sys.getrefcount(points) >= count
    del points
    assert same(index.query(normal(500, 8)[:5]), expected)
    index.clear()
    assert len(index) == 0


def test_unknown_ids_remove_nothing() -> None:
    for order in ORDERS:
        index = DCI(4, order=order)
        ids = index.add(normal(20, 4))
        with pytest.raises(KeyError, match="not in the index"):
            index.remove(torch.cat([ids[:3], torch.tensor([99])]))
        assert len(index) == 20
        index.remove(torch.cat([ids[:3], ids[:2]]))  # given twice is removed once
        assert len(index) == 17
    with pytest.raises(KeyError):
        DCI(4).remove(torch.tensor([0]))


def test_threads_may_ask_while_another_changes_the_index() -> None:
    index = DCI(16)
    index.add(normal(4_000, 16))
    queries = normal(64, 16, seed=1)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(index.query, queries, 3) for _ in range(20)]
        for seed in range(10):
            index.remove(index.add(normal(500, 16, seed=seed) + 100))
        for answer in asked:
            assert (answer.result().ids[:, 0] < 4_000).all()
    assert same(index.query(queries, 3), asked[0].result())


@pytest.mark.parametrize("options", [{"simple": 0}, {"composite": 0}, {"directions": directions(5, 31)}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        DCI(5, **options)
    for dim in (0, -1, 2.5, torch.nan, True):
        with pytest.raises(ValueError, match="dim must be a whole number and at least 1"):
            DCI(dim)
    with pytest.raises(ValueError, match="seed must be a whole number and at least 0, not -1"):
        DCI(5, seed=-1)
    with pytest.raises(ValueError, match="order must be one of l2, linf, prioritized, not 'best'"):
        DCI(5, order="best")


def test_bad_counts_are_refused() -> None:
    index = DCI(5)
    index.add(normal(9, 5))
    for counts in (
        {"retrieve": 0},
        {"visit": 0},
        {"retrieve": -5},
        {"retrieve": torch.nan},
        {"visit": 0.5},
        {"k": 1.5},
    ):
        with pytest.raises(ValueError, match="at least 1"):
            index.query(normal(1, 5), **counts)


@pytest.mark.parametrize("order", ORDERS)
def test_huge_counts_are_bounded_before_memory_is_taken(order: str) -> None:
    index = DCI(5, order=order)
    index.add(normal(9, 5))
    found = index.query(normal(2, 5), 9, retrieve=2**80, visit=2**80)
    assert found.evaluations == 2 * 9
    for k in (2**40, 2**62, 2**80):
        with pytest.raises(UserError, match="neighbours of each of 2 queries need"):
            index.query(normal(2, 5), k)


def test_sizes_that_do_not_fit_never_reach_memory() -> None:
    index = DCI(5)
    index.add(normal(9, 5))
    native, ids = index._native, torch.zeros(3, 2, dtype=torch.int64)
    for call in (
        lambda: native.add(normal(3, 4), False, 1),
        lambda: native.restore(normal(3, 5), torch.arange(9, 11), 20, 1),
        lambda: native.restore(normal(2, 5), torch.tensor([8, 10]), 20, 1),
        lambda: native.restore(normal(2, 5), torch.tensor([11, 10]), 20, 1),
        lambda: native.query(normal(4, 5), 1, 1, 1, 1, ids, normal(3, 2)),
        lambda: native.query(normal(3, 6), 1, 1, 1, 1, ids, normal(3, 2)),
    ):
        with pytest.raises(ValueError, match="fit together|ascend"):
            call()
    assert len(index) == 9


def test_arrays_may_run_backwards() -> None:
    points = normal(7, 5).numpy()
    index, plain = DCI(5), DCI(5)
    ids = [index.add(some) for some in (points[:1][::-1], points[1:][::-1], points[:, ::-1])]
    for some in (points[:1].copy(), points[1:][::-1].copy(), points[:, ::-1].copy()):
        plain.add(some)
    assert same(index.query(points[:1][::-1], 3), plain.query(points[:1].copy(), 3))
    index.remove(ids[1].numpy()[::-1])
    assert len(index) == 8


def test_principal_directions_catch_the_variance() -> None:
    points = normal(2_000, 3) @ normal(3, 50, seed=1) + 0.01 * normal(2_000, 50, seed=2)
    fitted = Directions.fitted(points, 3, "pca", seed=0)
    kept = ((points - fitted.origin) @ fitted.matrix.T).pow(2).sum() / (points - points.mean(0)).pow(2).sum()
    assert kept > 0.999
    torch.testing.assert_close(fitted.matrix @ fitted.matrix.T, torch.eye(3), rtol=0, atol=1e-5)


def test_directions_are_not_fitted_to_points_that_were_refused() -> None:
    points = torch.randn(5_000, 20, generator=torch.Generator().manual_seed(0))
    index = DCI(20, simple=2, composite=1)
    with pytest.raises(ValueError, match="NaN"):
        index.add(torch.where(points == points.max(), torch.nan, points))
    assert index.directions is None
    assert len(index) == 0
    assert torch.equal(index.add(points), torch.arange(5_000))
