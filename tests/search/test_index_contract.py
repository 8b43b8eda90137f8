"""Every search backend keeps the same contract; brute force in float64 is the judge."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.search import Index

BACKENDS = entries("allmodes.search", Index)


def brute_force(points: torch.Tensor, queries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    distances = torch.cdist(queries.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return distances.topk(min(k, len(points)), largest=False)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS.keys())
class TestEveryBackend:
    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_agrees_with_brute_force(self, backend, data):
        n, q, dim = (data.draw(st.integers(1, high)) for high in (60, 20, 12))
        k = data.draw(st.integers(1, 8))
        rng = torch.Generator().manual_seed(data.draw(st.integers(0, 10_000)))
        offset = data.draw(st.sampled_from([0.0, 100.0]))  # far from the origin the expansion cancels
        points, queries = (
            torch.randn(n, dim, generator=rng) + offset,
            torch.randn(q, dim, generator=rng) + offset,
        )
        index = backend(dim)
        ids = index.add(points)
        found = index.query(queries, k)
        expected, _ = brute_force(points, queries, k)
        torch.testing.assert_close(found.distances[:, : min(k, n)].double(), expected, rtol=1e-4, atol=2e-3)
        assert torch.equal(ids, torch.arange(n))
        assert (found.ids[:, min(k, n) :] == -1).all()
        assert found.distances[:, min(k, n) :].isinf().all()
        assert found.evaluations > 0

    def test_finds_most_neighbours_among_many_points_and_tells_their_true_distances(self, backend):
        rng = torch.Generator().manual_seed(0)
        points = torch.randn(5_000, 6, generator=rng) @ torch.randn(6, 40, generator=rng)
        queries = points[:100] + 0.1 * torch.randn(100, 40, generator=rng)
        index = backend(40)
        index.add(points)
        found = index.query(queries, 5)
        _, ids = brute_force(points, queries, 5)
        assert (found.ids[:, :, None] == ids[:, None, :]).any(2).float().mean() > 0.95
        true = (points[found.ids].double() - queries[:, None].double()).norm(dim=2)
        torch.testing.assert_close(found.distances.double(), true, rtol=1e-5, atol=1e-5)
        assert (found.distances.diff(dim=1) >= 0).all()
        assert found.evaluations <= 100 * 5_000

    @pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, np.float32, np.float16])
    def test_takes_half_precision_and_arrays_also_where_not_contiguous(self, backend, kind):
        whole = torch.randn(20, 8)
        points = whole.numpy().astype(kind) if isinstance(kind, type) else whole.to(kind)
        index, plain = backend(4), backend(4)
        index.add(points[::2, ::2])
        plain.add(torch.as_tensor(points)[::2, ::2].float())
        queries = torch.randn(3, 4)
        assert torch.equal(index.query(queries, 2).ids, plain.query(queries, 2).ids)

    @pytest.mark.parametrize("bad", [torch.zeros(2, 4, dtype=torch.int64), torch.zeros(2, 4, dtype=torch.float64), "x"])
    def test_other_numbers_are_refused(self, backend, bad):
        with pytest.raises(TypeError, match="points must be a tensor or array of float32"):
            backend(4).add(bad)
        with pytest.raises(TypeError, match="ids must be int64"):
            backend(4).remove(torch.zeros(2))

    def test_doubles_are_refused_by_what_to_do_and_then_found(self, backend):
        rng = np.random.default_rng(0)
        points = 1e8 + rng.normal(size=(50, 4))  # float32 alone would make them all one
        queries = points[:5] + 0.01 * rng.normal(size=(5, 4))
        index = backend(4)
        for ask in (index.add, index.query):
            with pytest.raises(TypeError, match=r"not torch.float64: round them by \.astype\(np\.float32\).*one mean"):
                ask(points)
        mean = points.mean(0)
        index.add((points - mean).astype(np.float32))
        truth = np.square(queries[:, None] - points).sum(2).argmin(1)
        assert index.query((queries - mean).astype(np.float32)).ids[:, 0].tolist() == truth.tolist()

    def test_is_cleared_and_used_again_with_new_ids(self, backend):
        index = backend(3)
        index.add(torch.randn(7, 3))
        index.clear()
        assert len(index) == 0
        assert index.add(torch.randn(2, 3)).tolist() == [7, 8]
        assert index.query(torch.randn(1, 3), 3).ids[0, 2] == -1
        assert index.nbytes > 0

    def test_a_point_finds_itself_at_distance_zero(self, backend):
        points = torch.randn(50, 8) * 1e-3 + 50
        index = backend(8)
        ids = index.add(points)
        found = index.query(points, 1)
        assert torch.equal(found.ids[:, 0], ids)
        assert (found.distances == 0).all()

    def test_removed_points_are_never_found_and_ids_stay(self, backend):
        index = backend(4)
        first, second = index.add(torch.randn(10, 4)), index.add(torch.randn(5, 4))
        assert second.tolist() == list(range(10, 15))
        index.remove(first[::2])
        assert len(index) == 10
        found = index.query(torch.randn(20, 4), 10).ids
        assert not torch.isin(found, first[::2]).any()
        with pytest.raises(KeyError, match="not in the index"):
            index.remove(first[:1])

    def test_an_empty_index_finds_nothing(self, backend):
        found = backend(3).query(torch.randn(2, 3), 2)
        assert (found.ids == -1).all()
        assert found.distances.isinf().all()

    @pytest.mark.parametrize(
        "bad",
        [torch.zeros(3), torch.zeros(3, 5), torch.full((2, 4), torch.nan), torch.tensor([[0, 0, -torch.inf, 0]])],
        ids=["1d", "width", "nan", "infinity"],
    )
    @pytest.mark.parametrize("size", [0, 5])
    def test_bad_points_are_refused_and_change_nothing(self, backend, bad, size):
        index, good = backend(4), torch.randn(size, 4)
        index.add(good)
        for what, give in (("points", index.add), ("queries", index.query)):
            with pytest.raises(ValueError, match=f"^{what} (must have shape|contain NaN or infinity)"):
                give(bad)
        assert len(index) == size
        assert index.add(good[:1] + 1).tolist() == ([size] if size else [])
        assert index.query(good).ids[:, 0].tolist() == list(range(size))

    @pytest.mark.parametrize("dim", [0, -1, 2.5, True])
    def test_a_dimension_that_is_none_is_refused(self, backend, dim):
        for made in (backend, lambda dim: backend.expecting(dim, 10)):
            with pytest.raises(ValueError, match=f"^dim must be a whole number and at least 1, not {dim}$"):
                made(dim)

    @pytest.mark.parametrize("k", [0, -1, 2.5, True])
    def test_a_number_of_neighbours_that_is_none_is_refused(self, backend, k):
        with pytest.raises(ValueError, match=f"^k must be a whole number and at least 1, not {k}$"):
            backend(4).query(torch.zeros(1, 4), k)

    def test_answers_larger_than_the_memory_are_refused(self, backend):
        with pytest.raises(UserError, match="neighbours of each of 2 queries need"):
            backend(4).query(torch.zeros(2, 4), 10**13)

    def test_all_that_one_addition_brought_can_go(self, backend):
        index, batches = backend(4), torch.randn(3, 6, 4)
        ids = [index.add(batch) for batch in batches]
        for gone, left in ((1, {0, 2}), (0, {2}), (2, set())):
            index.remove(ids[gone])
            found = index.query(batches.flatten(0, 1), 20).ids
            assert set(found.unique().tolist()) == {-1}.union(*(ids[batch].tolist() for batch in left))
        assert index.add(batches[0]).tolist() == list(range(18, 24))
        assert index.query(batches[0]).ids[:, 0].tolist() == list(range(18, 24))

    def test_arrays_that_run_backwards_are_taken(self, backend):
        points = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
        index = backend(4)
        index.add(points[::-1])
        assert index.query(points[::-1, ::1]).ids[:, 0].tolist() == list(range(9))
        index.remove(np.arange(9)[::-1][:8])
        assert index.query(points[:1][::-1]).ids.tolist() == [[0]]
