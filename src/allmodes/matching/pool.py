"""Matching with a pool of fresh candidates, streamed: drawn, generated, searched and forgotten block by block.

Memory does not grow with the pool. An index that gains from many points at once is given the embeddings of the whole
pool instead. What is searched for differs: see :mod:`.nearest` and :mod:`.rejection`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.discovery import find
from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers
from ..search import Index
from .base import Matcher, by_kind
from .candidates import Candidates, Sought


@dataclass(frozen=True)
class Near:
    """What a block of candidates offers: for each example its distance ``(n,)``, inf for none, and row ``(n,)``."""

    distances: Tensor
    rows: Tensor

    @classmethod
    def none(cls, examples: Sought) -> Near:
        """Nothing for any of the examples."""
        rows = torch.zeros_like(examples.part)
        return cls(torch.full(rows.shape, torch.inf, device=rows.device), rows)


class Pool(Matcher):
    """Each example takes one of a pool of fresh candidates; a candidate may serve many examples.

    Args:
        pool: number of candidates m for examples of a kind, over all processes.
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
    def near(self, candidates: Tensor, examples: Sought, data: Sought) -> Near:
        """The candidate of each example in one block, all of one kind.

        Args:
            candidates: embedded, ``(m, D)``.
            examples: to be served.
            data: all examples of the round, whether they are matched or not.
        """

    def match(
        self, examples: Sought, candidates: Candidates, *, workers: Workers, data: Sought | None = None
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process takes every ``size``-th block; the nearest of all wins."""
        kinds = torch.unique(examples.kind)
        blocks = range(-(-len(kinds) * self.pool // self.block))[workers.rank :: workers.size]
        together = 1 if self.backend.streams else max(len(blocks), 1)
        best, latents = Near.none(examples).distances, None
        for first in range(0, len(blocks), together):
            some = {number: self._kinds(number, kinds) for number in blocks[first : first + together]}
            drawn = [candidates.draw(number, kind) for number, kind in some.items()]
            z = torch.cat([one.z for one in drawn])
            embedded = torch.cat([candidates.embed(one) for one in drawn])
            found = self._offered(
                embedded, torch.cat(list(some.values())), examples, examples if data is None else data
            )
            nearer = found.distances < best
            best = torch.where(nearer, found.distances, best)
            latents = z[found.rows] if latents is None else torch.where(nearer[:, None], z[found.rows], latents)
        if latents is None:  # more processes than blocks
            latents = torch.zeros_like(candidates.draw(0, kinds[:1]).z).expand(len(examples), -1)
        every_distance, every_latent = workers.gather(best), workers.gather(latents)
        winner = every_distance.argmin(dim=0)
        row = torch.arange(len(examples), device=examples.part.device)
        return Assignment(every_latent[winner, row], every_distance[winner, row], torch.zeros_like(row))

    def _kinds(self, block: int, kinds: Tensor) -> Tensor:
        """The kind of each candidate of a block: first all of one kind are drawn, then all of the next."""
        end = min((block + 1) * self.block, len(kinds) * self.pool)
        return kinds[torch.arange(block * self.block, end, device=kinds.device) // self.pool]

    def _offered(self, embedded: Tensor, kind: Tensor, examples: Sought, data: Sought) -> Near:
        """What candidates ``(m, D)`` of these kinds offer to examples of the same; to others nothing."""
        kinds = torch.unique(kind)
        if len(kinds) == 1 and bool((examples.kind == kinds).all()):
            return self.near(embedded, examples, data)
        offered = Near.none(examples)
        for those, rows in by_kind(kinds, examples.kind, kind):
            found = self.near(embedded[rows], examples[those], data[data.kind == kind[rows[0]]])
            offered.distances[those], offered.rows[those] = found.distances, rows[found.rows]
        return offered
