r"""Flow matching along the conditional optimal-transport path (Lipman et al. 2023, section 4.1, equations 20 to 23).

Noise is carried to the data by a velocity, which is learnt by regression alone: no adversary, no matching, no sampling.

.. math:: x_t = (1 - (1 - \sigma)\,t)\,x_0 + t\,x_1, \qquad u = x_1 - (1 - \sigma)\,x_0, \qquad
          \min_\theta E_{t, x_0, x_1} |v_\theta(x_t, t) - u|^2

with :math:`x_0 \sim N(0, I)`, :math:`x_1` an example and t uniform in [0, 1]. The minimiser is the mean of u over all
pairs that pass through a point, and the flow along it ends in the data, with a deviation of :math:`\sigma` around each
example. A sample solves that flow, see :mod:`allmodes.networks.flow`: it costs several network calls, where the
generators of the other methods take one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..networks.flow import Flow
from ..priors.gaussian import Gaussian
from .base import Objective
from .terms import Loss, Step, Term


class FlowMatching(Objective):
    """The velocity of a flow, by regression.

    Args:
        sigma_min: sigma, deviation around every example at the end.

    Raises:
        UserError: ``sigma_min`` is not from 0 to below 1.
    """

    name = "flow-matching"
    differentiated = 1

    def __init__(self, generator: Flow, prior: Gaussian, *, sigma_min: float = 0.0001) -> None:
        if not 0 <= sigma_min < 1:
            raise UserError(f"'objective.sigma_min' is {sigma_min}, but must be at least 0 and below 1.")
        self.generator = generator
        self.prior = prior
        self.terms = (VelocityTerm(generator, sigma_min),)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}


class VelocityTerm(Term):
    """The mean squared error of the velocity, over examples and coordinates.

    Args:
        flow: is learnt.
        sigma: at the end of the path.
    """

    name = "velocity"

    def __init__(self, flow: Flow, sigma: float) -> None:
        self.flow = flow
        self.sigma = sigma

    def loss(self, step: Step) -> Loss:
        noise = step.drawn.z.view(step.batch.images.shape)
        times = times_of(step)
        point = passed(noise, step.batch.images, times, self.sigma)
        value = velocity_loss(self.flow.velocity(point, times).float(), noise, step.batch.images, self.sigma)
        return Loss(value, {"loss": value.detach()})


def times_of(step: Step) -> Tensor:
    """This process's share of the times of a step, uniform in [0, 1], ``(B,)``."""
    moment = step.moment
    drawn = torch.rand(moment.batch_size, generator=moment.rng("times"))
    return drawn[moment.workers.rank :: moment.workers.size].to(moment.device)


def passed(noise: Tensor, images: Tensor, times: Tensor, sigma: float) -> Tensor:
    """The points ``(n, ...)`` where pairs of noise and example, ``(n, ...)`` each, are at times ``(n,)``."""
    t = times.view(-1, *[1] * (images.ndim - 1))
    return (1 - (1 - sigma) * t) * noise + t * images


def velocity_loss(velocity: Tensor, noise: Tensor, images: Tensor, sigma: float) -> Tensor:
    """The mean square of what a velocity is off that of pairs of noise and example, ``(n, ...)`` each; a scalar."""
    return (velocity - (images - (1 - sigma) * noise)).square().mean()
