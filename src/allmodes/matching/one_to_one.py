r"""Matching in which every candidate serves one example.

When each example takes the nearest candidate, a candidate may serve many and others none: every example is covered, but
nothing moves the samples of a kind that the generator makes too often. Here n candidates are drawn for n examples, and

.. math:: \sigma = \arg\min_{\text{permutations}} \sum_i |\phi(x_i) - \phi(G(z_{\sigma(i)}))|^2

so that what there is too much of must serve, and become, something else (one-to-one assignment of latents: Bojanowski &
Joulin 2017, section 3.2, there with fixed targets; as optimal transport between batches: Genevay et al. 2018).

An example that comes several times before the next round takes several candidates. So of a hundred images each gets
an equal share of all latents, a hundredth of what the generator will draw. From a pool that is larger than needed
those are left out that fit worst, which comes nearer to the nearest neighbour: a little of the balance for more detail.

The more examples are assigned at once, the nearer each finds its candidate, but the exact assignment takes time that
grows with the cube of their number. So only edges between near neighbours are weighed, and some at random, over which
what there is too much of finds its way to what there is too little of (sparse Jonker-Volgenant;
``benchmarks/assignment.py`` shows what that saves and costs).
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Assignment, Latents
from ..core.seeding import stream
from ..core.workers import Workers
from ..search.certain import near_squares
from .base import Matcher, Within, by_kind, by_part
from .candidates import Candidates, Sought

NEAR = 10  # neighbours of each example, and of each candidate, that are weighed
FAR = 40  # candidates drawn for each example that are, too
FEW = 200  # examples for which all are


class OneToOne(Matcher):
    """Each example takes a candidate of its own; the sum of squared distances is the least, or nearly.

    Args:
        refresh: steps r between two rounds. All examples of a round are assigned at once.
        turns: of an example in a round that share a candidate. The more, the fewer candidates must be generated.
        pool: number of candidates m for examples of a kind, over all processes, if more than are needed.
        block: candidates generated at a time.
        within: match whole examples, or each in one of the parts that the distance names, or in a pair of them.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
    """

    name = "one-to-one"
    turns: int

    def __init__(
        self,
        *,
        refresh: int = 10,
        turns: int = 1,
        pool: int = 1,
        block: int = 1_000,
        within: Within = "whole",
        project: int | None = None,
    ) -> None:
        sizes = {"refresh": refresh, "turns": turns, "pool": pool, "block": block}
        sizes["project"] = 1 if project is None else project
        for field, value in sizes.items():
            if value < 1:
                raise UserError(f"'matching.{field}' is {value}, but must be at least 1.")
        self.refresh = refresh
        self.turns = turns
        self.pool = pool
        self.block = block
        self.within = within
        self.project = project

    def match(
        self, examples: Sought, candidates: Candidates, *, workers: Workers, data: Sought | None = None
    ) -> Assignment:
        """See :meth:`Matcher.match`. Every process embeds its share of the candidates."""
        kinds = torch.unique(examples.kind)
        most = [max(self.pool, int(examples.part[examples.kind == kind].bincount().max())) for kind in kinds]
        kind = kinds.repeat_interleave(torch.tensor(most, device=kinds.device))
        drawn = candidates.draw(0, kind)
        embedded = self._shared(drawn, candidates, workers)
        served = torch.zeros_like(examples.part)
        distances = torch.zeros(len(examples), device=served.device)
        for those, rows in by_kind(kinds, examples.kind, kind):
            wanted = examples[those]
            for here, columns in by_part(wanted, embedded if len(kinds) == 1 else embedded[rows]):
                taken = assigned(wanted.embedded[here], columns)
                gaps = wanted.embedded[here].double() - columns[taken]
                served[those[here]] = rows[taken]
                distances[those[here]] = gaps.norm(dim=1).to(distances.dtype)
        return Assignment(drawn.z[served], distances, torch.zeros_like(served))

    def _shared(self, drawn: Latents, candidates: Candidates, workers: Workers) -> Tensor:
        """The embeddings of all latents, each computed by one process."""
        share = -(-len(drawn) // workers.size)
        rows = torch.arange(share * workers.size, device=drawn.z.device) % len(drawn)  # as many for each
        mine = torch.split(rows[workers.rank * share :][:share], self.block)
        embedded = torch.cat([candidates.embed(drawn[some]) for some in mine])
        return workers.gather(embedded).flatten(0, 1)[: len(drawn)]


def assigned(examples: Tensor, candidates: Tensor) -> Tensor:
    """A candidate of its own for each example, with nearly the least sum of squared distances.

    An example all of whose weighed candidates serve others is given whichever is left. Those that were are assigned
    again, among themselves.

    Args:
        examples: ``(n, D)``.
        candidates: ``(m, D)``, m at least n.

    Returns:
        The row of each example's candidate, int64 ``(n,)``.
    """
    squares = near_squares(examples, candidates)
    squares /= squares.max().clamp_min(torch.finfo(squares.dtype).tiny)
    if len(examples) <= FEW or _repeated(examples):
        _, columns = linear_sum_assignment(squares.cpu().numpy())
        return torch.from_numpy(columns).to(examples.device)
    weighed = _weighed(squares)
    possible = weighed.clone()
    possible.fill_diagonal_(True)  # whatever happens, example i can have candidate i
    rows, columns = possible.nonzero(as_tuple=True)
    weights = 1.0 + squares[rows, columns].double()  # 1 more for each: a weight of 0 would be taken for no edge
    graph = csr_array((weights.cpu().numpy(), (rows.cpu().numpy(), columns.cpu().numpy())), shape=squares.shape)
    found = torch.from_numpy(min_weight_full_bipartite_matching(graph)[1]).to(examples.device, torch.int64)
    last = ~weighed.gather(1, found[:, None])[:, 0]
    if 0 < int(last.sum()) < len(examples):
        found[last] = found[last][assigned(examples[last], candidates[found[last]])]
    return found


def _repeated(examples: Tensor) -> bool:
    """Whether most are there several times: then the near neighbours of a candidate are one and the same example."""
    return 2 * len(torch.unique(examples, dim=0)) < len(examples)


def _weighed(squares: Tensor) -> Tensor:
    """Whether one is among the nearest of the other, or drawn for it, bool ``(n, m)``."""
    weighed = torch.zeros_like(squares, dtype=torch.bool)
    for dim in (0, 1):
        weighed.scatter_(dim, squares.topk(min(NEAR, squares.shape[dim]), dim, largest=False).indices, True)
    drawn = torch.randint(squares.shape[1], (len(squares), FAR), generator=stream(0, "far"))
    return weighed.scatter_(1, drawn.to(squares.device), True)
