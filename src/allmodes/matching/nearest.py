r"""The match of Implicit Maximum Likelihood Estimation.

Given examples :math:`x_1..x_n` and a pool of candidates :math:`z_1..z_m`, drawn afresh, find for each example

.. math:: \sigma(i) = \arg\min_j \; |\phi(x_i) - \phi(G(z_j))|

(Li & Malik 2018, algorithm 1, the inner argmin). Of candidates that are made under conditions, an example sees those
of its own, see :mod:`.candidates`.
"""

from __future__ import annotations

from torch import Tensor

from .base import Within, by_part
from .candidates import Sought
from .pool import Near, Pool


class Nearest(Pool):
    """Each example takes the nearest of a pool of fresh candidates.

    Args:
        pool: number of candidates m for examples of a kind, over all processes.
        refresh: steps r between two rounds.
        block: candidates generated and searched at a time.
        search: the index: ``exact`` over each block, or over the whole pool ``dci``, ``faiss``, or ``auto``, which
            chooses by the cost on this machine.
        within: match whole examples, or each in one of the parts that the distance names, or in a pair of them.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
    """

    name = "nearest"

    def __init__(
        self,
        *,
        pool: int = 10_000,
        refresh: int = 50,
        block: int = 1_000,
        search: str = "exact",
        within: Within = "whole",
        project: int | None = None,
    ) -> None:
        super().__init__(pool=pool, refresh=refresh, block=block, search=search, project=project)
        self.within = within

    def near(self, candidates: Tensor, examples: Sought, data: Sought) -> Near:
        """See :meth:`Pool.near`: the nearest of the block."""
        near = Near.none(examples)
        for here, columns in by_part(examples, candidates):
            index = self.backend.expecting(columns.shape[1], len(here))
            index.add(columns, borrow=True)
            found = index.query(examples.embedded[here])
            near.distances[here], near.rows[here] = found.distances[:, 0], found.ids[:, 0]
        return near
