"""Matching with a pool of fresh candidates, streamed: drawn, generated, searched and forgotten block by block.

Memory does not grow with the pool. An index that gains from many points at once is given the embeddings of the whole
pool instead. What is searched for differs: see :mod:`.nearest` and :mod:`.rejection`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.discovery import find
from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers
from ..search import Index
from .base import Matcher, whole


@dataclass(frozen=True)
class Near:
    """What a block of candidates offers: for each example its distance ``(n,)``, inf for none, and row ``(n,)``."""

    distances: Tensor
    rows: Tensor


class Pool(Matcher):
    """Each example takes one of a pool of fresh candidates; a candidate may serve many examples.

    Args:
        pool: number of candidates m, over all processes.
        refresh: steps r between two rounds.
        block: candidates generated and searched at a time.
        search: the index: ``exact`` over each block, or over the whole pool ``dci``, ``faiss``, or ``auto``, which
            chooses by the cost on this machine.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
    """

    def __init__(self, *, pool: int, refresh: int, block: int, search: str, project: int | None) -> None:
        sizes = {"pool": pool, "refresh": refresh, "block": block, "project": 1 if project is None else project}
        for field, value in sizes.items():
            if value < 1:
                raise UserError(f"'matching.{field}' is {value}, but must be at least 1.")
        self.pool = pool
        self.refresh = refresh
        self.block = block
        self.project = project
        try:
            self.backend: type[Index] = find("allmodes.search", Index, search)
        except UserError as error:
            raise UserError(f"'matching.search': {error}") from error

    @abstractmethod
    def near(self, candidates: Tensor, examples: Tensor, part: Tensor, data: Tensor) -> Near:
        """The candidate of each example in one block.

        Args:
            candidates: embedded, ``(m, D)``.
            examples: embedded, whole or in part, as in :meth:`Matcher.match`.
            part: the part of each example.
            data: all examples of the round, whether they are matched or not, ``(N, D)``.
        """

    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
        part: Tensor | None = None,
        data: Tensor | None = None,
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process takes every ``size``-th block; the nearest of all wins."""
        part = whole(examples) if part is None else part
        data = examples if data is None else data
        blocks = range(-(-self.pool // self.block))[workers.rank :: workers.size]
        together = 1 if self.backend.streams else len(blocks)
        distances = torch.full((len(examples),), torch.inf, device=examples.device)
        latents: Tensor | None = None
        for first in range(0, len(blocks), max(together, 1)):
            some = blocks[first : first + together]
            z = torch.cat([draw(number, min(self.block, self.pool - number * self.block)) for number in some])
            embedded = torch.cat([embed(block) for block in torch.split(z, self.block)])
            found = self.near(embedded, examples, part, data)
            nearer = found.distances < distances
            distances = torch.where(nearer, found.distances, distances)
            latents = z[found.rows] if latents is None else torch.where(nearer[:, None], z[found.rows], latents)
        if latents is None:  # more processes than blocks
            latents = torch.zeros_like(draw(0, 1)).expand(len(examples), -1)
        every_distance, every_latent = workers.gather(distances), workers.gather(latents)
        winner = every_distance.argmin(dim=0)
        row = torch.arange(len(examples), device=examples.device)
        return Assignment(every_latent[winner, row], every_distance[winner, row], torch.zeros_like(row))
