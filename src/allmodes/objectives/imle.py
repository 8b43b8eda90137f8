r"""Implicit Maximum Likelihood Estimation (Li & Malik 2018, algorithm 1).

.. math:: \min_\theta E_{z_1..z_m} \Big[ \frac1n \sum_i \min_j |\phi(x_i) - \phi(G_\theta(z_j))|^2 \Big]

Every so many steps: draw a pool of m latents, and match each example to the candidate that comes nearest.
Every step: descend the squared distance between each example of the batch and the sample of its match.
Since every *example* pulls, none can be left out; under the paper's conditions this maximises the likelihood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch
from ..distances.base import Distance
from ..matching import Matcher, Rounds
from ..networks.base import Generator
from ..priors.base import Prior
from .base import Loss, Objective, Update


class Imle(Objective):
    """Every example pulls its nearest sample."""

    name = "imle"

    def __init__(self, generator: Generator, prior: Prior, *, distance: Distance, matching: Matcher) -> None:
        self.generator = generator
        self.prior = prior
        self.rounds = Rounds(matching, distance, generator=generator, prior=prior)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def due(self, moment: Moment) -> bool:
        return self.rounds.due(moment)

    def prepare(self, moment: Moment) -> dict[str, float]:
        return self.rounds.renew(moment)

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        def closure() -> Loss:
            value = self.rounds.distance_to(batch.images, self.rounds.matched(moment))
            return Loss(value, {"matched": value.detach()})

        yield Update("generator", closure)

    def state_dict(self) -> dict[str, Tensor]:
        return self.rounds.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.rounds.load_state_dict(state)
