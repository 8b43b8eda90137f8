r"""The match of rejection-sampling IMLE (RS-IMLE: Vashist, Peng & Li 2024, algorithm 1).

A generator is trained on the latents that were matched, and used on latents of the prior. The nearest of many
candidates is no typical one: the nearer a region of the prior already comes to the data, the more often it is chosen,
and the law of matched latents drifts from the prior. So a candidate that needs no training is not chosen:

1. Draw candidates :math:`z_1..z_m`.
2. Reject each with :math:`\min_i |\phi(x_i) - \phi(G(z_j))| < \epsilon`: it is close enough to some example already.
3. Each example takes the nearest of those that are left.

The paper finds an epsilon for every data set. Here it is by default a share of the distance at which half of the
examples have another one, so that one value serves pictures that are much alike and pictures that are not. That is
measured once, on all the data, whichever examples a round matches; before every round where the space itself moves.

The examples of step 2 are all those of the round, also where only some of them are matched again. Where a round holds
but a part of the data, a sample that is close to an example of another part is not rejected. Neither is one that is
made under a condition and close to an example of another: its own are not served by that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers
from ..search import Exact
from .candidates import Candidates, Sought
from .nearest import Nearest
from .pool import Near, Pool

ASKED = 2_000  # examples, at least, whose distance to the nearest other one is measured where there are so many


class Rejection(Pool):
    """Each example takes the nearest of the candidates that are not yet close to any example.

    Where the whole pool, of a kind, is close to the examples, the nearest of it is taken, as without rejection.

    Args:
        epsilon: the distance below which a candidate is rejected; 0 is the match of IMLE.
        relative: whether epsilon is in units of the median distance from an example to the nearest other one of the
            data (a single example has none: nothing is rejected then; of data composed afresh for every batch, the
            first round's stand for all), or a distance itself, as in the paper.
        pool: number of candidates m for examples of a kind, over all processes.
        refresh: steps r between two rounds.
        block: candidates generated and searched at a time.
        search: the index for the candidates that are left, see :class:`.nearest.Nearest`.
        project: dimensions that embeddings are sketched in before the search, None for all of them.

    Raises:
        UserError: a size is below 1, or epsilon below 0.
    """

    name = "rejection"

    def __init__(
        self,
        *,
        epsilon: float = 0.65,
        relative: bool = True,
        pool: int = 10_000,
        refresh: int = 50,
        block: int = 1_000,
        search: str = "exact",
        project: int | None = None,
    ) -> None:
        super().__init__(pool=pool, refresh=refresh, block=block, search=search, project=project)
        if epsilon < 0:
            raise UserError(f"'matching.epsilon' is {epsilon}, but must be at least 0.")
        self.epsilon = epsilon
        self.relative = relative
        self.radius: float | None = None if relative else epsilon
        self.nearest = Nearest(pool=pool, refresh=refresh, block=block, search=search, project=project)

    def measure(self, data: Iterable[Tensor], *, again: bool) -> None:
        """See :meth:`Matcher.measure`: the radius of rejection."""
        if self.relative and (again or self.radius is None):
            self.radius = self.epsilon * apart(data)

    def match(
        self, examples: Sought, candidates: Candidates, *, workers: Workers, data: Sought | None = None
    ) -> Assignment:
        """See :meth:`Matcher.match`. Candidates are rejected that are close to any of the data given, of their kind.

        Raises:
            RuntimeError: the radius is relative, and nothing was measured.
        """
        found = super().match(examples, candidates, workers=workers, data=data)
        some = torch.isfinite(found.distances)
        if some.all():
            return found
        near = self.nearest.match(examples, candidates, workers=workers)  # of some kinds all were rejected
        latents = torch.where(some[:, None], found.latents, near.latents)
        return Assignment(latents, torch.where(some, found.distances, near.distances), found.age)

    def near(self, candidates: Tensor, examples: Sought, data: Sought) -> Near:
        """See :meth:`Pool.near`: steps 2 and 3, of one block."""
        if self.radius is None:
            raise RuntimeError("a relative epsilon needs measure() before the first match")
        left = torch.nonzero(_distances(candidates, data.embedded)[:, 0] >= self.radius).flatten()
        if len(left) == 0:
            return Near.none(examples)
        found = self.nearest.near(candidates[left], examples, data)
        return Near(found.distances, left[found.rows])

    def state_dict(self) -> dict[str, Tensor]:
        """See :meth:`Matcher.state_dict`."""
        return {} if self.radius is None else {"radius": torch.tensor(self.radius, dtype=torch.float64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Matcher.load_state_dict`."""
        if "radius" in state:
            self.radius = float(state["radius"])


def apart(data: Iterable[Tensor]) -> float:
    """The median distance from an example to the nearest other one; 0 of a single example.

    It is taken over all examples where there are few, else over the first of them, each against all.

    Args:
        data: embeddings of all examples, ``(b, D)`` at a time.
    """
    blocks = iter(data)
    asked = torch.empty(0)
    for block in blocks:
        asked = torch.cat([asked, block]) if len(asked) else block
        if len(asked) >= ASKED:
            break
    if len(asked) < 2:
        return 0.0
    nearest = _distances(asked, asked, 2)[:, 1]
    for block in blocks:
        nearest = torch.minimum(nearest, _distances(asked, block)[:, 0])
    return float(nearest.median())


def _distances(points: Tensor, others: Tensor, k: int = 1) -> Tensor:
    """From each point ``(n, D)`` to the k nearest of the others ``(m, D)``, ``(n, k)``."""
    index = Exact(others.shape[1])
    index.add(others, borrow=True)
    return index.query(points, k).distances
