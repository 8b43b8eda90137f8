r"""Regression: each sample is pulled to its original, whatever its code. What Conditional IMLE is compared with.

.. math:: \frac1B \sum_i |\phi(x_i) - \phi(G_\theta(z_i, y_i))|^2, \qquad z_i \sim p(z)

One input has many originals, and one answer is to be near them all: it becomes their mean, which is blurred, and codes
come to say nothing. With the distance ``pixels`` it is the classic of super-resolution, with a perceptual one the
"content loss" of SRGAN (Ledig et al. 2017, section 2.2.1).
"""

from __future__ import annotations

from torch import nn

from ..distances.base import Distance
from ..networks.base import Generator
from ..priors.base import Prior
from .base import Objective
from .terms import RegressionTerm


class Regression(Objective):
    """Samples descend the distance to the originals of their inputs."""

    name = "regression"

    def __init__(self, generator: Generator, prior: Prior, *, distance: Distance) -> None:
        self.generator = generator
        self.prior = prior
        self.terms = (RegressionTerm(distance),)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}
