r"""Codes chosen coarse to fine, as hierarchical Conditional IMLE does (CHIMLE: Peng, Moazeni & Li 2022, section 3).

A generator whose levels draw the image at growing sizes takes one code for each, :math:`z = (z_1..z_L)`. To choose all
of them at once needs a pool that grows exponentially with L before one candidate is near at every size. Instead, with
the codes of coarser levels chosen, draw :math:`m_l` codes for level l and take

.. math:: z_l = \arg\min_{z_l} \; |\phi(\downarrow_l x) - \phi(G^{(l)}(z_1..z_l, y))|

where :math:`\downarrow_l x` is the example at that level's size. What coarser levels made is kept, so a
candidate costs the work of its own level alone. Every example has candidates of its own, made for its input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers

AT_ONCE = 256  # samples that are made at a time, or as many as there are candidates for an example


Grown = tuple[Tensor, Tensor]  # all that the next level needs of one, (n, ...) each


@dataclass(frozen=True)
class Levels:
    """What a search coarse to fine needs of a generator with levels.

    Args:
        codes: dimensions of each level's code, the coarsest first.
        grown: ``grown(before, code, condition, level)``: a level from the one before, tensors ``(n, ...)``.
        image: ``image(grown, condition, level)``: what the level draws, at its size.
        resized: examples ``(n, *shape)`` at a level's size.
        embed: images of any level in the space in which they are near or far, ``(n, D)``.
    """

    codes: Sequence[int]
    grown: Callable[[Grown | None, Tensor, Tensor, int], Grown]
    image: Callable[[Grown, Tensor, int], Tensor]
    resized: Callable[[Tensor, int], Tensor]
    embed: Callable[[Tensor], Tensor]


def require_pools(pools: Sequence[int], levels: int) -> None:
    """Raise a UserError unless there is a pool for every level."""
    if len(pools) != levels or min(pools, default=0) < 1:
        raise UserError(
            f"'objective.pools' is {list(pools)}, but the generator has {levels} levels: give as many numbers of "
            "candidates, each at least 1, the coarsest level first."
        )


@torch.no_grad()
def chosen(
    examples: Tensor,
    condition: Tensor,
    fresh: Callable[[int, int, int], Tensor],
    *,
    levels: Levels,
    pools: Sequence[int],
    workers: Workers,
) -> Assignment:
    """The code of every example, level by level.

    Args:
        examples: ``(n, *shape)``.
        condition: what the generator is given for each, ``(n, ...)``.
        fresh: ``fresh(example, level, count)``: so many codes of a level for an example, ``(count, codes[level])``.
        levels: of the generator.
        pools: candidates at each level.
        workers: the processes that share the examples.
    """
    every = -(-len(examples) // workers.size) * workers.size
    mine = torch.arange(workers.rank, every, workers.size) % len(examples)  # as many in every process
    parts = [
        _chosen(examples, condition, rows, fresh, levels, pools)
        for rows in torch.split(mine, max(1, AT_ONCE // max(pools)))
    ]
    latents, distances = (torch.cat(part) for part in zip(*parts, strict=True))
    latents, distances = (
        workers.gather(part).transpose(0, 1).flatten(0, 1)[: len(examples)] for part in (latents, distances)
    )
    return Assignment(latents, distances, torch.zeros(len(examples), dtype=torch.int64, device=latents.device))


def _chosen(
    examples: Tensor,
    condition: Tensor,
    rows: Tensor,
    fresh: Callable[[int, int, int], Tensor],
    levels: Levels,
    pools: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """Codes ``(k, d)`` and distances ``(k,)`` of these examples, int64 ``(k,)``."""
    here = rows.to(examples.device)
    asked, given = examples[here], condition[here]
    kept: Grown | None = None
    codes = []
    for level, count in enumerate(pools):
        drawn = torch.cat([fresh(int(row), level, count) for row in rows]).to(examples.device)
        before = None if kept is None else (kept[0].repeat_interleave(count, 0), kept[1].repeat_interleave(count, 0))
        under = given.repeat_interleave(count, 0)
        grown = levels.grown(before, drawn, under, level)
        embedded = levels.embed(levels.image(grown, under, level)).float().view(len(rows), count, -1)
        target = levels.embed(levels.resized(asked, level)).float()
        distances, best = (embedded - target[:, None]).norm(dim=2).min(1)
        winners = torch.arange(len(rows), device=best.device) * count + best
        kept = grown[0][winners], grown[1][winners]
        codes.append(drawn[winners])
    return torch.cat(codes, 1), distances
