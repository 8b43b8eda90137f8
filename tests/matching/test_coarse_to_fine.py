"""Codes chosen coarse to fine are those of a search one by one, in any grouping, alone or shared."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.core.workers import Alone
from allmodes.matching import coarse_to_fine
from allmodes.matching.coarse_to_fine import Levels, chosen, require_pools
from allmodes.networks.generators.cascade import Cascade, resized

POOLS = (5, 4, 3)
N = 7


@pytest.fixture
def generator() -> Cascade:
    torch.manual_seed(0)
    return Cascade((3, 16, 16), 12, inputs=(3, 4, 4), width=4, widest=8, style=8).eval()


def at(images: Tensor, level: int) -> Tensor:
    return resized(images, [16 >> (2 - level)] * 2)


def levels_of(generator: Cascade) -> Levels:
    return Levels(generator.codes, generator.grown, generator.image, at, lambda images: images.flatten(1))


def fresh(example: int, level: int, count: int) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(100 * example + level))


def examples() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(3)
    return torch.rand(N, 3, 16, 16, generator=rng) * 2 - 1, torch.rand(N, 3, 4, 4, generator=rng) * 2 - 1


def one_by_one(generator: Cascade, image: Tensor, given: Tensor, example: int) -> tuple[Tensor, float]:
    """The greedy search written out: every candidate drawn anew from its whole code."""
    code, best = torch.zeros(1, 12), 0.0
    for level, count in enumerate(POOLS):
        tried = []
        for candidate in fresh(example, level, count):
            code[0, 4 * level : 4 * level + 4] = candidate
            drawn = generator.drawn(code, given[None])[level]
            tried.append(float((drawn - at(image[None], level)).norm()))
        best = min(tried)
        code[0, 4 * level : 4 * level + 4] = fresh(example, level, count)[tried.index(best)]
    return code[0], best


@torch.no_grad()
@pytest.mark.parametrize("together", [1, 12, 1000])
def test_it_is_the_greedy_search_one_by_one(generator, together, monkeypatch):
    monkeypatch.setattr(coarse_to_fine, "AT_ONCE", together)
    images, inputs = examples()
    found = chosen(images, inputs, fresh, levels=levels_of(generator), pools=POOLS, workers=Alone())
    for example in range(N):
        code, distance = one_by_one(generator, images[example], inputs[example], example)
        assert torch.equal(found.latents[example], code)
        assert float(found.distances[example]) == pytest.approx(distance, rel=1e-5)
    made = generator(found.latents, inputs)
    assert (made - images).flatten(1).norm(dim=1).tolist() == pytest.approx(found.distances.tolist(), rel=1e-4)


@torch.no_grad()
def test_two_processes_choose_the_same(generator):
    images, inputs = examples()
    shares: list[list[Tensor]] = [[], []]

    @dataclass
    class Recording(Alone):
        rank: int
        size: int = 2

        def gather(self, tensor: Tensor) -> Tensor:
            shares[self.rank].append(tensor)
            return torch.stack([tensor, tensor])

    alone = chosen(images, inputs, fresh, levels=levels_of(generator), pools=POOLS, workers=Alone())
    for rank in range(2):
        chosen(images, inputs, fresh, levels=levels_of(generator), pools=POOLS, workers=Recording(rank))
    for one, other, expected in zip(*shares, (alone.latents, alone.distances), strict=True):
        joined = torch.stack([one, other]).transpose(0, 1).flatten(0, 1)[:N]
        torch.testing.assert_close(joined, expected)


@pytest.mark.parametrize("pools", [(3, 3), (3, 3, 3, 3), (3, 0, 3), ()])
def test_a_pool_for_every_level(pools):
    with pytest.raises(UserError, match=r"objective\.pools.* 3 levels"):
        require_pools(pools, 3)
