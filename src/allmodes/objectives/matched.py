r"""Objectives in which the matched distance is all there is: what Implicit Maximum Likelihood Estimation descends.

.. math:: \frac1B \sum_{i} |\phi(x_i) - \phi(G_\theta(z_{\sigma(i)}))|^2

Methods differ in the assignment :math:`\sigma`, and in when it is renewed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch
from ..matching import Rounds
from ..networks.base import Generator
from ..priors.base import Prior
from .base import Loss, Objective, Update


class MatchedObjective(Objective):
    """Every example of the batch pulls the sample that it is matched with.

    Args:
        generator: the network that is trained.
        prior: where its latents come from.
        rounds: the assignment, and when it is renewed.
    """

    def __init__(self, generator: Generator, prior: Prior, rounds: Rounds) -> None:
        self.generator = generator
        self.prior = prior
        self.rounds = rounds

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

    def assigned(self) -> Tensor | None:
        return self.rounds.assigned()

    def state_dict(self) -> dict[str, Tensor]:
        return self.rounds.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.rounds.load_state_dict(state)
