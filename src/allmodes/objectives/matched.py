r"""Objectives in which the matched distance is all there is: what Implicit Maximum Likelihood Estimation descends.

.. math:: \frac1B \sum_{i} |\phi(x_i) - \phi(G_\theta(z_{\sigma(i)}))|^2

Methods differ in the assignment :math:`\sigma`, and in when it is renewed.
"""

from __future__ import annotations

from torch import nn

from ..matching import Rounds
from ..networks.base import Generator
from ..priors.base import Prior
from .base import Objective
from .terms import MatchedTerm, Rarity


class MatchedObjective(Objective):
    """Every example of the batch pulls the sample that it is matched with.

    Args:
        generator: the network that is trained.
        prior: where its latents come from.
        rounds: the assignment, and when it is renewed.
        rarity: whether examples of rare colours weigh more, see :class:`.terms.rarity.Rarity`.
    """

    def __init__(self, generator: Generator, prior: Prior, rounds: Rounds, *, rarity: bool = False) -> None:
        self.generator = generator
        self.prior = prior
        self.rounds = rounds
        self.terms = (MatchedTerm(rounds, rarity=Rarity() if rarity else None),)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}
