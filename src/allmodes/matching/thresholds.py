r"""When to match again, example by example (Adaptive IMLE: Aghabozorgi, Peng & Li 2023, algorithm 1).

Matching every example again at the same time interrupts those that are hard, whose sample is still far away, and keeps
those that are easy at a sample that they have reached. So each example i has a threshold of its own, and every round:

1. Measure :math:`d_i = |\phi(x_i) - \phi(G(z_i))|` with the generator as it is now.
2. Example i is due if :math:`d_i < \tau_i` and its match is at least ``staleness`` rounds old, or ``force`` rounds old.
3. Draw a pool; each example that is due takes the nearest candidate, and :math:`\tau_i \leftarrow (1 - \delta)\, d_i`.

Whoever has come near gets a new match and must come nearer than before; whoever has not keeps the old one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Assignment, Batch, Latents
from ..distances.base import Distance
from ..priors.base import Prior
from .base import Matcher
from .coming import Coming
from .rounds import Rounds, evaluating


class Thresholds(Rounds):
    """The assignment of every example of a fixed set, renewed where an example has reached its threshold.

    Args:
        matcher: decides which latent serves which example that is due.
        distance: the space in which samples are near or far.
        generator: maps latents to samples.
        prior: where candidates come from.
        examples: number of examples n of the data.
        tighten: delta. The least that an example must gain, as a share, before it is matched again; minus infinity
            never tightens.
        staleness: rounds that every match is kept at least.
        force: rounds after which every match is renewed; None for never.
        condition: see :class:`.rounds.Rounds`.

    Raises:
        UserError: a number is out of range, or the matcher matches parts of examples.
    """

    def __init__(
        self,
        matcher: Matcher,
        distance: Distance,
        *,
        generator: nn.Module,
        prior: Prior,
        examples: int,
        tighten: float,
        staleness: int,
        force: int | None,
        condition: Callable[[Batch], Tensor | None] = lambda batch: None,
    ) -> None:
        super().__init__(matcher, distance, generator=generator, prior=prior, condition=condition)
        if tighten >= 1:
            raise UserError(f"'objective.tighten' is {tighten}, but must be below 1: a share of the distance.")
        if staleness < 1 or (force is not None and force < staleness):
            raise UserError(
                f"'objective.staleness' ({staleness}) must be at least 1, and 'objective.force' ({force}) no less."
            )
        if matcher.within != "whole":
            raise UserError("Thresholds are for whole examples: set 'matching.within' to whole.")
        self.tighten = tighten
        self.staleness = staleness
        self.force = force
        self.thresholds = torch.full((examples,), torch.inf)
        never = torch.full((examples,), torch.inf)
        age = torch.zeros(examples, dtype=torch.int64)
        self.assignment = Assignment(torch.zeros(examples, prior.dim), never, age)

    @torch.no_grad()
    def renew(self, moment: Moment) -> dict[str, float]:
        """Match those of the coming ``refresh`` batches' examples that are due; returns their number, and distances."""
        self._move(moment.device)
        coming = self._begin(moment)
        index = coming.index.to(moment.device)
        with evaluating(self.generator):
            reached = self._reached(index, coming, moment.batch_size)  # step 1
            due = self._due(index, reached)  # step 2
            if due.any():  # step 3
                found = self._match(coming.sought[due], moment, coming.kinds, data=coming.sought)
                self.thresholds[index[due]] = (1 - self.tighten) * reached[due]
                self._take(index[due], found)
        self.start, self.place = moment.step, coming.index[coming.place]
        return {
            "matching/distance": float(self.assignment.distances[index].mean()),
            "matching/rematched": float(due.sum()),
        }

    def _move(self, device: torch.device) -> None:
        held = self.assignment
        self.assignment = Assignment(held.latents.to(device), held.distances.to(device), held.age.to(device))
        self.thresholds = self.thresholds.to(device)

    def _reached(self, index: Tensor, coming: Coming, block: int) -> Tensor:
        """How near each example's sample is now, ``(n,)``; infinitely far for those that have none yet."""
        held = self.assignment
        known = torch.isfinite(held.distances[index])
        if known.any():
            condition = coming.kinds.given(coming.kinds.of[known.cpu()])
            serving = Latents(held.latents[index[known]], condition=condition).to(index.device)
            samples = torch.cat([self._embedded(some) for some in serving.split(block)])
            held.distances[index[known]] = (samples - coming.embedded[known]).norm(dim=1)
            held.age[index] += 1
        return held.distances[index]

    def _due(self, index: Tensor, reached: Tensor) -> Tensor:
        age = self.assignment.age[index]
        due = torch.isinf(reached) | ((reached < self.thresholds[index]) & (age >= self.staleness))
        return due if self.force is None else due | (age >= self.force)

    def _take(self, index: Tensor, found: Assignment) -> None:
        self.assignment.latents[index] = found.latents
        self.assignment.distances[index] = found.distances
        self.assignment.age[index] = 0

    def state_dict(self) -> dict[str, Tensor]:
        """See :meth:`Rounds.state_dict`."""
        return {**super().state_dict(), "thresholds": self.thresholds}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """See :meth:`Rounds.load_state_dict`."""
        super().load_state_dict(state)
        self.thresholds = state["thresholds"]
