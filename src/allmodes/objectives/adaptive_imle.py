r"""Adaptive IMLE (Aghabozorgi, Peng & Li 2023, algorithm 1): each example is matched again when it has been learnt.

The objective is that of IMLE; an example gets a new match when its sample has come nearer than its threshold, which
then tightens. See :mod:`allmodes.matching.thresholds` for the steps. The match itself is any Matcher's: with
``rejection`` this is RS-IMLE with adaptive thresholds.
"""

from __future__ import annotations

from ..distances.base import Distance
from ..matching import Matcher, Thresholds
from ..networks.base import Generator
from ..priors.base import Prior
from .matched import MatchedObjective


class AdaptiveImle(MatchedObjective):
    """Every example pulls its sample until it has come near enough, and is then matched again.

    Args:
        tighten: delta, the least share of the distance that an example must gain between two matches.
        staleness: rounds of matching that a match is kept at least.
        force: rounds after which it is renewed whatever the distance; None for never.
        examples: number of examples of the data.
    """

    name = "adaptive-imle"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        distance: Distance,
        matching: Matcher,
        examples: int,
        tighten: float = 0.02,
        staleness: int = 1,
        force: int | None = None,
    ) -> None:
        thresholds = Thresholds(
            matching,
            distance,
            generator=generator,
            prior=prior,
            examples=examples,
            tighten=tighten,
            staleness=staleness,
            force=force,
            condition=generator.condition,
        )
        super().__init__(generator, prior, thresholds)
