r"""Implicit Maximum Likelihood Estimation (Li & Malik 2018, algorithm 1).

.. math:: \min_\theta E_{z_1..z_m} \Big[ \frac1n \sum_i \min_j |\phi(x_i) - \phi(G_\theta(z_j))|^2 \Big]

Every so many steps: draw a pool of m latents, and match each example to the candidate that comes nearest.
Every step: descend the squared distance between each example of the batch and the sample of its match.
Since every *example* pulls, none can be left out; under the paper's conditions this maximises the likelihood.

With the matching ``rejection`` this is RS-IMLE (Vashist, Peng & Li 2024), see :mod:`allmodes.matching.rejection`.
"""

from __future__ import annotations

from ..distances.base import Distance
from ..matching import Matcher, Rounds
from ..networks.base import Generator
from ..priors.base import Prior
from .matched import MatchedObjective


class Imle(MatchedObjective):
    """Every example pulls its nearest sample; all are matched again at the same time.

    Args:
        rarity: whether examples of rare colours weigh more, with label maps label by label: as often as the authors of
            Conditional IMLE would draw them (Li, Zhang & Malik 2019).
    """

    name = "imle"

    def __init__(
        self, generator: Generator, prior: Prior, *, distance: Distance, matching: Matcher, rarity: bool = False
    ) -> None:
        rounds = Rounds(matching, distance, generator=generator, prior=prior, condition=generator.condition)
        super().__init__(generator, prior, rounds, rarity=rarity)
