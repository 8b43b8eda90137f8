r"""Terms that pull every sample to the example in its place, whatever its code.

.. math:: \frac1B \sum_i |\phi(x_i) - \phi(G_\theta(z_i, y_i))|^2, \qquad
          \frac{\lambda}{B} \sum_i \frac1D |x_i - G_\theta(z_i, y_i)|_1
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from torch import Tensor

from ...core.moment import Moment
from ...distances.base import Distance
from .base import Loss, Step, Term
from .reconstruction import apart


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
        return Loss(value, {"regression": value.detach()})


class AbsoluteTerm(Term):
    """The mean absolute difference of pixels of samples and of the examples in their places (L1).

    Args:
        weight: lambda.
        samples: which samples of a step, ``(B, *shape)``: by default those that players contend over.
    """

    name = "absolute"

    def __init__(self, weight: float, samples: Callable[[Step], Tensor] = attrgetter("samples")) -> None:
        self.weight = weight
        self.samples = samples

    def loss(self, step: Step) -> Loss:
        value = apart(self.samples(step), step.batch.images)
        return Loss(self.weight * value, {"absolute": value.detach()})
