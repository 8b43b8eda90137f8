r"""The match of Implicit Maximum Likelihood Estimation.

Given examples :math:`x_1..x_n` and a pool of candidates :math:`z_1..z_m`, drawn afresh, find for each example

.. math:: \sigma(i) = \arg\min_j \; |\phi(x_i) - \phi(G(z_j))|

(Li & Malik 2018, algorithm 1, the inner argmin). Candidates are streamed in blocks: drawn, generated, embedded,
searched and forgotten, so memory does not grow with the pool.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..core.discovery import find
from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers
from ..search import Index
from .base import Matcher


class Nearest(Matcher):
    """Each example takes the nearest of a pool of fresh candidates.

    Args:
        pool: number of candidates m, over all processes.
        refresh: steps r between two rounds.
        block: candidates generated and searched at a time.
        search: the index that is built over each block.
    """

    name = "nearest"

    def __init__(self, *, pool: int = 10_000, refresh: int = 50, block: int = 1_000, search: str = "exact") -> None:
        for field, value in {"pool": pool, "refresh": refresh, "block": block}.items():
            if value < 1:
                raise UserError(f"'matching.{field}' is {value}, but must be at least 1.")
        self.pool = pool
        self.refresh = refresh
        self.block = block
        self.backend: type[Index] = find("allmodes.search", Index, search)

    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process takes every ``size``-th block; the nearest of all wins."""
        blocks = range(0, self.pool, self.block)
        distances = torch.full((len(examples),), torch.inf, device=examples.device)
        latents: Tensor | None = None
        for number, start in enumerate(blocks):
            z = draw(number, min(self.block, self.pool - start))
            if latents is None:
                latents = z.new_zeros(len(examples), z.shape[1])
            if number % workers.size != workers.rank:
                continue
            found = self._search(embed(z), examples)
            nearer = found.distances[:, 0] < distances
            distances = torch.where(nearer, found.distances[:, 0], distances)
            latents = torch.where(nearer[:, None], z[found.ids[:, 0]], latents)
        assert latents is not None
        every_distance, every_latent = workers.gather(distances), workers.gather(latents)
        winner = every_distance.argmin(dim=0)
        row = torch.arange(len(examples), device=examples.device)
        return Assignment(every_latent[winner, row], every_distance[winner, row], torch.zeros_like(row))

    def _search(self, candidates: Tensor, examples: Tensor):  # type: ignore[no-untyped-def]
        index = self.backend(candidates.shape[1])  # type: ignore[call-arg]
        index.add(candidates)
        return index.query(examples, 1)
