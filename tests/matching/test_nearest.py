"""The match of IMLE against its definition, and its independence of blocks and processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import source

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.matching import Nearest
from allmodes.matching.candidates import Sought

WEIGHT = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def draw(block: int, size: int) -> torch.Tensor:
    return torch.randn(size, 3, generator=stream(1, "pool", block))


def embed(z: torch.Tensor) -> torch.Tensor:
    return torch.tanh(z @ WEIGHT)


@settings(max_examples=30, deadline=None)
@given(
    pool=st.integers(1, 60),
    block=st.integers(1, 25),
    n=st.integers(1, 12),
    seed=st.integers(0, 99),
    search=st.sampled_from(["exact", "dci", "faiss", "auto"]),
)
def test_every_example_gets_the_nearest_of_the_whole_pool(pool, block, n, seed, search):
    examples = torch.randn(n, 5, generator=stream(seed, "examples"))
    found = Nearest(pool=pool, block=block, search=search).match(
        Sought.of(examples), source(draw, embed), workers=Alone()
    )
    sizes = [min(block, pool - start) for start in range(0, pool, block)]
    candidates = torch.cat([draw(number, size) for number, size in enumerate(sizes)])
    distances = torch.cdist(examples, embed(candidates), compute_mode="donot_use_mm_for_euclid_dist")
    best, winner = distances.min(dim=1)
    torch.testing.assert_close(found.distances, best, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.latents, candidates[winner])
    assert (found.age == 0).all()


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 13), parts=st.sampled_from([1, 2, 3, 6]))
def test_each_example_is_matched_in_its_part(n, parts):
    def wide(z: torch.Tensor) -> torch.Tensor:
        return torch.cat([embed(z), embed(-2 * z)[:, :1]], 1)  # 6 features

    examples = torch.randn(n, 6 // parts, generator=stream(n, "examples"))
    part = torch.randint(parts, (n,), generator=stream(n, "parts"))
    found = Nearest(pool=40, block=15).match(Sought.of(examples, part), source(draw, wide), workers=Alone())
    candidates = torch.cat([draw(0, 15), draw(1, 15), draw(2, 10)])
    for i in range(n):
        gaps = (wide(candidates).view(40, parts, -1)[:, part[i]] - examples[i]).norm(dim=1)
        torch.testing.assert_close(found.distances[i], gaps.min(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.latents[i], candidates[gaps.argmin()])


class Thread:
    """One of two workers that meet at a barrier."""

    def __init__(self, rank: int, table: dict, barrier: Barrier) -> None:
        self.rank, self.size, self.table, self.barrier, self.turn = rank, 2, table, barrier, 0

    def gather(self, tensor: torch.Tensor) -> torch.Tensor:
        self.turn += 1
        self.table[self.turn, self.rank] = tensor
        self.barrier.wait()
        return torch.stack([self.table[self.turn, rank] for rank in range(2)])


def test_two_workers_find_what_one_finds():
    examples = torch.randn(40, 5, generator=stream(3, "examples"))
    matcher = Nearest(pool=100, block=7)
    alone = matcher.match(Sought.of(examples), source(draw, embed), workers=Alone())
    table, barrier = {}, Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        workers = [Thread(rank, table, barrier) for rank in range(2)]
        both = list(threads.map(lambda w: matcher.match(Sought.of(examples), source(draw, embed), workers=w), workers))
    for found in both:
        assert torch.equal(found.latents, alone.latents)
        assert torch.equal(found.distances, alone.distances)


def test_memory_is_flat_in_the_pool():
    held = []
    matcher = Nearest(pool=5_000, block=50)
    candidates = source(lambda b, n: held.append(n) or draw(b, n), embed)
    matcher.match(Sought.of(torch.zeros(4, 5)), candidates, workers=Alone())
    assert max(held) == 50
    assert sum(held) == 5_000


def test_bad_settings_are_refused():
    with pytest.raises(UserError, match="matching.pool"):
        Nearest(pool=0)
    with pytest.raises(UserError, match="'hnsw' is no search"):
        Nearest(search="hnsw")
