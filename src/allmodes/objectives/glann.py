r"""GLANN: Generative Latent Nearest Neighbors (Hoshen, Li & Malik 2019, section 3).

1. Learn a generator G and a code :math:`z_i` for every example by GLO (:mod:`.glo`).
2. Keep both, and learn by IMLE a network T from noise to codes: every code pulls the nearest of a pool of T's outputs.

.. math:: \min_T E_{e_1..e_m} \frac1n \sum_i \min_j |z_i - T(e_j)|^2

A sample is G(T(e)). The nearest neighbour is sought among codes of a few dimensions, not among images.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..core.errors import UserError
from ..core.records import Batch
from ..distances.base import Distance
from ..distances.pixels import Pixels
from ..matching import Matcher, Rounds
from ..networks.base import Generator
from ..priors.gaussian import Gaussian
from ..priors.implicit import Implicit
from .base import Objective
from .glo import Codes, code_terms
from .terms import MatchedTerm, Stage


class Glann(Objective):
    """GLO first, then IMLE in the space of codes.

    Args:
        examples: number of examples of the data.
        seed: of the run; it draws the codes that the training begins with.
        until: share of the training at which the second stage begins.

    Raises:
        UserError: ``until`` is no share, or codes would be matched in parts.
    """

    name = "glann"
    prior: Implicit

    def __init__(
        self,
        generator: Generator,
        prior: Implicit,
        *,
        distance: Distance,
        matching: Matcher,
        examples: int,
        seed: int,
        until: float = 0.7,
    ) -> None:
        if not 0 < until < 1 or matching.within != "whole":
            raise UserError("'objective.until' must be a share between 0 and 1, and 'matching.within' whole.")
        self.generator = generator
        self.prior = prior
        self.until = until
        self.codes = Codes(examples, prior.dim, seed=seed)
        rounds = Rounds(matching, Pixels(), generator=prior.mapping, prior=Gaussian(prior.source), target=self.code)
        self.terms = (
            *(Stage(term, end=until) for term in code_terms(self.codes, distance)),
            Stage(MatchedTerm(rounds, player="prior"), begin=until),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "codes": self.codes, "prior": self.prior}

    def code(self, batch: Batch) -> Tensor:
        """The codes of a batch, which are what is matched, ``(B, dim)``."""
        return self.codes(batch.index.to(self.codes.free.device)).detach()  # type: ignore[no-any-return]

    def scheduled(self, progress: float) -> str | None:
        return "the turn from codes to the prior (objective.until)" if progress >= self.until else None
