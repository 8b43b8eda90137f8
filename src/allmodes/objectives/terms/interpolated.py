r"""Samples between two matches should be like both examples (Inclusive GAN: Yu et al. 2020).

.. math:: \lambda \kappa\, E_{i, t} \big[ (1 - t)\, d(x_i, z_{ij}^t) + t\, d(x_j, z_{ij}^t) \big],
          \qquad d(x, z) = |\phi(x) - \phi(G(z))|^2

at a uniform share t of the way from the match of an example to that of another.
"""

from __future__ import annotations

import torch

from ...core.moment import Moment
from .base import Loss, Step, Term
from .matched import MatchedTerm


class InterpolatedTerm(Term):
    """How far samples between the matches of an example and of the next in the batch are from both.

    Args:
        matched: gives the matches, and lambda.
        weight: kappa.
    """

    name = "interpolated"

    def __init__(self, matched: MatchedTerm, weight: float) -> None:
        self.matched = matched
        self.weight = weight

    def on(self, moment: Moment) -> bool:
        return self.weight > 0 and self.matched.on(moment)

    def loss(self, step: Step) -> Loss:
        moment, rounds = step.moment, self.matched.rounds
        rank, size = moment.workers.rank, moment.workers.size
        found, other = self.matched.found(moment), self.matched.found(moment, 1)
        examples = rounds.target(step.batch)
        others = rounds.target(moment.upcoming(0)).roll(-1, 0)[rank::size].to(moment.device)
        drawn = torch.rand(moment.batch_size, 1, generator=moment.rng("interpolation"))
        share = drawn[rank::size].to(moment.device)
        samples = step.made(rounds.prior.between(found.latents, other.latents, share))
        ends = rounds.squares(samples, examples, found), rounds.squares(samples, others, other)
        value = torch.lerp(*ends, share[:, 0]).mean()
        return Loss(self.matched.weight(moment.progress) * self.weight * value, {"interpolated": value.detach()})
