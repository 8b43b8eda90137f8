r"""Matching in which every candidate serves one example.

When each example takes the nearest candidate, a candidate may serve many and others none: every example is covered, but
nothing moves the samples of a kind that the generator makes too often. Here n candidates are drawn for n examples, and

.. math:: \sigma = \arg\min_{\text{permutations}} \sum_i |\phi(x_i) - \phi(G(z_{\sigma(i)}))|^2

so that what there is too much of must serve, and become, something else (one-to-one assignment of latents: Bojanowski &
Joulin 2017, section 3.2, there with fixed targets; as optimal transport between batches: Genevay et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers
from .base import Matcher, Within, by_part, whole


class OneToOne(Matcher):
    """Each example takes a candidate of its own; the sum of squared distances is the least.

    Args:
        refresh: steps r between two rounds.
        group: examples of a part that are assigned at once. The work grows with its cube for as many.
        within: match whole examples, or each in one of the parts that the distance names.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
    """

    name = "one-to-one"

    def __init__(
        self, *, refresh: int = 10, group: int = 1_000, within: Within = "whole", project: int | None = None
    ) -> None:
        for field, value in {"refresh": refresh, "group": group, "project": 1 if project is None else project}.items():
            if value < 1:
                raise UserError(f"'matching.{field}' is {value}, but must be at least 1.")
        self.refresh = refresh
        self.group = group
        self.within = within
        self.project = project

    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
        part: Tensor | None = None,
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process takes every ``size``-th group."""
        part = whole(examples) if part is None else part
        latents = torch.zeros_like(draw(0, 1)).repeat(len(examples), 1)
        distances = torch.zeros(len(examples), device=examples.device)
        for number, rows in list(enumerate(self._groups(part)))[workers.rank :: workers.size]:
            z = draw(number, int(part[rows].bincount().max()))
            for some, columns in by_part(examples[rows], embed(z), part[rows]):
                here = rows[some]
                served, distances[here] = _assigned(examples[here], columns)
                latents[here] = z[served]
        total = workers.gather(latents).sum(0), workers.gather(distances).sum(0)
        return Assignment(*total, torch.zeros(len(examples), dtype=torch.int64, device=examples.device))

    def _groups(self, part: Tensor) -> list[Tensor]:
        """Rows of the examples that are assigned at once: the next ``group`` of every part."""
        parts = [torch.split(torch.nonzero(part == number).flatten(), self.group) for number in set(part.tolist())]
        return [torch.cat([rows for rows in same if rows is not None]) for same in zip_longest(*parts)]


def _assigned(examples: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """The candidate of each example, ``(n,)``, and its distance, ``(n,)``, out of at least n candidates."""
    distances = torch.cdist(examples, candidates)
    _, columns = linear_sum_assignment(distances.square().cpu().numpy())
    served = torch.from_numpy(columns).to(examples.device)
    return served, distances.gather(1, served[:, None])[:, 0]
