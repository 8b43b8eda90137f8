r"""GLANN: Generative Latent Nearest Neighbors (Hoshen, Li & Malik 2019, section 3).

1. Learn a generator G and a code :math:`z_i` for every example by GLO (:mod:`.glo`).
2. Keep both, and learn by IMLE a network T from noise to codes: every code pulls the nearest of a pool of T's outputs.

.. math:: \min_T E_{e_1..e_m} \frac1n \sum_i \min_j |z_i - T(e_j)|^2

A sample is G(T(e)). The nearest neighbour is sought among codes of a few dimensions, not among images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..distances.base import Distance
from ..distances.pixels import Pixels
from ..matching import Matcher, Rounds
from ..networks.base import Generator
from ..priors.base import Prior
from ..priors.gaussian import Gaussian
from ..priors.implicit import Implicit
from .base import Loss, Objective, Update
from .glo import Codes, Reconstruction


class Glann(Objective):
    """GLO first, then IMLE in the space of codes.

    Args:
        examples: number of examples of the data.
        seed: of the run; it draws the codes that the training begins with.
        until: share of the training at which the second stage begins.

    Raises:
        UserError: the prior has no network to learn, ``until`` is no share, or codes would be matched in parts.
    """

    name = "glann"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        distance: Distance,
        matching: Matcher,
        examples: int,
        seed: int,
        until: float = 0.7,
    ) -> None:
        if not isinstance(prior, Implicit):
            raise UserError(f"The objective 'glann' needs prior: implicit, not '{prior.name}'.")
        if not 0 < until < 1 or matching.within != "whole":
            raise UserError("'objective.until' must be a share between 0 and 1, and 'matching.within' whole.")
        self.generator = generator
        self.prior: Implicit = prior
        self.until = until
        self.first = Reconstruction(generator, Codes(examples, prior.dim, seed=seed), distance)
        self.second = Rounds(matching, Pixels(), generator=prior.mapping, prior=Gaussian(prior.noise))

    def players(self) -> dict[str, nn.Module]:
        return {**self.first.players(), "prior": self.prior}

    def scheduled(self, progress: float) -> str | None:
        return "the turn from codes to the prior (objective.until)" if progress >= self.until else None

    def due(self, moment: Moment) -> bool:
        return moment.progress >= self.until and self.second.due(moment)

    def prepare(self, moment: Moment) -> dict[str, float]:
        return self.second.renew(self._coding(moment))

    def _coding(self, moment: Moment) -> Moment:
        """The moment with codes in place of images."""
        return replace(moment, upcoming=lambda ahead: self._coded(moment.upcoming(ahead), moment))

    def _coded(self, batch: Batch, moment: Moment) -> Batch:
        """The batch with codes in place of images."""
        return Batch(self.first.codes(batch.index.to(moment.device)).detach(), batch.index)

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        if moment.progress < self.until:
            yield from self.first.updates(batch)
            return

        def closure() -> Loss:
            codes = self._coded(batch, moment).images
            value = self.second.distance_to(codes, self.second.matched(self._coding(moment)))
            return Loss(value, {"matched": value.detach()})

        yield Update("prior", closure)

    def assigned(self) -> Tensor | None:
        return self.first.codes.all()

    def state_dict(self) -> dict[str, Tensor]:
        return self.second.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.second.load_state_dict(state)
