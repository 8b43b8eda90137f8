r"""Regression: each sample is pulled to its original, whatever its code. What Conditional IMLE is compared with.

.. math:: \frac1B \sum_i |\phi(x_i) - \phi(G_\theta(z_i, y_i))|^2, \qquad z_i \sim p(z)

One input has many originals, and one answer is to be near them all: it becomes their mean, which is blurred, and codes
come to say nothing. With the distance ``pixels`` it is the classic of super-resolution, with a perceptual one the
"content loss" of SRGAN (Ledig et al. 2017, section 2.2.1).
"""

from __future__ import annotations

from torch import nn

from ..core.moment import Moment
from ..distances.base import Distance
from ..networks.base import Generator
from ..priors.base import Prior
from .base import Objective
from .terms import Loss, Step, Term


class RegressionTerm(Term):
    """The mean squared distance of samples to the examples in their places.

    Args:
        distance: in which they are compared.
    """

    name = "regression"

    def __init__(self, distance: Distance) -> None:
        self.distance = distance

    def due(self, moment: Moment) -> bool:
        return moment.step == 0

    def prepare(self, moment: Moment) -> dict[str, float]:
        self.distance.update()
        return {}

    def loss(self, step: Step) -> Loss:
        difference = self.distance.embed(step.samples) - self.distance.embed(step.batch.images)
        value = difference.float().square().sum(1).mean()
        return Loss(value, {"loss": value.detach()})


class Regression(Objective):
    """Samples descend the distance to the originals of their inputs."""

    name = "regression"

    def __init__(self, generator: Generator, prior: Prior, *, distance: Distance) -> None:
        self.generator = generator
        self.prior = prior
        self.terms = (RegressionTerm(distance),)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}
