r"""The matched term: every example of the batch pulls the sample that it is matched with.

.. math:: \frac{\lambda}{B} \sum_{i} |\phi(x_i) - \phi(G_\theta(z_{\sigma(i)}))|^2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from ...core.moment import Moment
from ...matching import Rounds
from ...matching.coming import Matched
from .base import Loss, Step, Term
from .rarity import Rarity


def always(progress: float) -> float:
    """A weight of 1, from the beginning to the end."""
    return 1.0


class MatchedTerm(Term):
    """The distance of examples to their matches, in its space. Where its weight is 0, nothing is matched.

    Args:
        rounds: the assignment, and when it is renewed.
        weight: lambda, at a share of the training.
        perturbation: share of the way from a match to fresh noise at which it is trained.
        player: who descends it.
        shared: whether the step's samples are those of the matches.
        rarity: weighs examples; None for all alike.
    """

    name = "matched"

    def __init__(
        self,
        rounds: Rounds,
        *,
        weight: Callable[[float], float] = always,
        perturbation: float = 0.0,
        player: str = "generator",
        shared: bool = False,
        rarity: Rarity | None = None,
    ) -> None:
        self.rounds = rounds
        self.weight = weight
        self.perturbation = perturbation
        self.player = player
        self.shared = shared
        self.rarity = rarity

    def on(self, moment: Moment) -> bool:
        return self.weight(moment.progress) > 0

    def due(self, moment: Moment) -> bool:
        return self.rounds.due(moment) if self.on(moment) else self.rounds.start >= 0

    def prepare(self, moment: Moment) -> dict[str, float]:
        if self.on(moment):
            if self.rarity is not None and not len(self.rarity.weights):
                self.rarity.measure(moment)
            return self.rounds.renew(moment)
        self.rounds.end()
        return {}

    def loss(self, step: Step) -> Loss:
        found = self.found(step.moment)
        if self.shared:
            squares = self.rounds.squares(step.samples, self.rounds.target(step.batch), found)
        else:
            squares = self.rounds.distance_to(step.batch, found)
        value = (squares if self.rarity is None else self.rarity.of(step.batch) * squares).mean()
        return Loss(self.weight(step.moment.progress) * value, {"matched": value.detach()})

    def found(self, moment: Moment, after: int = 0) -> Matched:
        """See :meth:`Rounds.matched`; perturbed."""
        found = self.rounds.matched(moment, after)
        if self.perturbation == 0:
            return found
        prior = self.rounds.prior
        labels = prior.labels(moment.upcoming(0))
        drawn = prior.sample(moment.batch_size, moment.rng("perturbation"), labels).z.roll(-after, 0)
        noise = drawn[moment.workers.rank :: moment.workers.size].to(moment.device)
        return replace(found, latents=prior.between(found.latents, noise, self.perturbation))

    def assigned(self) -> Tensor | None:
        return self.rounds.assigned()

    def state_dict(self) -> dict[str, Tensor]:
        rarity = {} if self.rarity is None else {"rarity": self.rarity.weights}
        return {**self.rounds.state_dict(), **rarity}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.rounds.load_state_dict(state)
        if self.rarity is not None:
            self.rarity.weights = state["rarity"]
