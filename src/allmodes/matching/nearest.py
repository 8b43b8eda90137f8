r"""The match of Implicit Maximum Likelihood Estimation.

Given examples :math:`x_1..x_n` and a pool of candidates :math:`z_1..z_m`, drawn afresh, find for each example

.. math:: \sigma(i) = \arg\min_j \; |\phi(x_i) - \phi(G(z_j))|

(Li & Malik 2018, algorithm 1, the inner argmin). Candidates are streamed in blocks: drawn, generated, embedded,
searched and forgotten, so memory does not grow with the pool. An index that gains from many points at once is given
the embeddings of the whole pool instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

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
        search: the index: ``exact`` over each block, or over the whole pool ``dci``, ``faiss``, or ``auto``, which
            chooses by the cost on this machine.
        within: match whole examples, or each example in one of the parts that the distance names.
    """

    name = "nearest"

    def __init__(
        self,
        *,
        pool: int = 10_000,
        refresh: int = 50,
        block: int = 1_000,
        search: str = "exact",
        within: Literal["whole", "part"] = "whole",
    ) -> None:
        for field, value in {"pool": pool, "refresh": refresh, "block": block}.items():
            if value < 1:
                raise UserError(f"'matching.{field}' is {value}, but must be at least 1.")
        self.pool = pool
        self.refresh = refresh
        self.block = block
        self.within = within
        self.backend: type[Index] = find("allmodes.search", Index, search)

    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
        parts: int = 1,
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process takes every ``size``-th block; the nearest of all wins."""
        blocks = range(-(-self.pool // self.block))[workers.rank :: workers.size]
        together = 1 if self.backend.streams else len(blocks)
        distances = torch.full((len(examples),), torch.inf, device=examples.device)
        latents: Tensor | None = None
        for first in range(0, len(blocks), max(together, 1)):
            some = blocks[first : first + together]
            z = torch.cat([draw(number, min(self.block, self.pool - number * self.block)) for number in some])
            near, rows = self._search(torch.cat([embed(part) for part in torch.split(z, self.block)]), examples, parts)
            nearer = near < distances
            distances = torch.where(nearer, near, distances)
            latents = z[rows] if latents is None else torch.where(nearer[:, None], z[rows], latents)
        if latents is None:  # more processes than blocks
            latents = torch.zeros_like(draw(0, 1)).expand(len(examples), -1)
        every_distance, every_latent = workers.gather(distances), workers.gather(latents)
        winner = every_distance.argmin(dim=0)
        row = torch.arange(len(examples), device=examples.device)
        return Assignment(every_latent[winner, row], every_distance[winner, row], torch.zeros_like(row))

    def _search(self, candidates: Tensor, examples: Tensor, parts: int) -> tuple[Tensor, Tensor]:
        """Distance to the nearest candidate, ``(n,)``, and its row, ``(n,)``; each example in its part."""
        distances = torch.empty(len(examples), device=examples.device)
        rows = torch.empty(len(examples), dtype=torch.int64, device=examples.device)
        for part, width in enumerate([examples.shape[1] // parts] * parts):
            columns = slice(part * width, (part + 1) * width)
            index = self.backend.expecting(width, len(examples) // parts)
            index.add(candidates[:, columns], borrow=True)
            found = index.query(examples[part::parts, columns])
            distances[part::parts], rows[part::parts] = found.distances[:, 0], found.ids[:, 0]
        return distances, rows
