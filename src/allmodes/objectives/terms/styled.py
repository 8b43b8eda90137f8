r"""Terms of generators that draw in styles: path lengths, and styles mixed of two latents.

.. math:: L_{path} = \gamma\, E_{w, y} \big( |J_w^\top y| - a \big)^2, \qquad J_w = \partial G(w) / \partial w,
          \qquad y \sim N(0, I / r^2)

for images of r x r pixels: a step of a given length in w should change the image as much wherever it is taken, and
whichever way. The target a is a moving average of the lengths themselves (Karras et al. 2020, section 3.2). Over the
L layers, each with a style of its own, squares are averaged, so that :math:`\gamma` is 2 for the paper's weight
:math:`\ln 2 / (r^2 (\ln r - \ln 2))`, for which y is of deviation 1 and squares are summed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod, sqrt

import torch
from torch import Tensor

from ...networks.styled import Styled
from ...priors.base import Prior
from .base import Loss, Step, Term

DECAY = 0.99  # of the average length, per turn


class PathLengthTerm(Term):
    """How unequal the lengths are of the gradients of samples by their styles, in turns of its own.

    Attributes:
        average: a, the moving average of lengths; it begins at 0.

    Args:
        generator: draws in styles.
        prior: where latents come from.
        weight: gamma; 0 for no such term.
        every: turns of the generator between two of this term, which has as many times the weight.
    """

    name = "path"

    def __init__(self, generator: Styled, prior: Prior, *, weight: float, every: int) -> None:
        self.generator = generator
        self.prior = prior
        self.weight = weight
        self.lazy = every
        self.average = torch.zeros(())

    def loss(self, step: Step) -> Loss:
        moment = step.moment
        z = drawn_for(step, self.prior, "path")
        rng, shape = moment.rng("path directions"), step.batch.images.shape[1:]
        directions = torch.randn(moment.batch_size, *shape, generator=rng)[moment.workers.rank :: moment.workers.size]
        lengths = path_lengths(self.generator, z, directions.to(moment.device))
        mean = moment.workers.gather(lengths.detach().mean()).mean()
        self.average = torch.lerp(mean, self.average.to(mean), DECAY)
        value = (lengths - self.average).square().mean()
        scalars = {"path": value.detach(), "path_length": mean}
        return Loss(self.weight * self.lazy * value, scalars)

    def state_dict(self) -> dict[str, Tensor]:
        return {"average": self.average}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.average = state["average"]


def path_lengths(generator: Styled, z: Tensor, directions: Tensor) -> Tensor:
    """``|J_w^T y|`` of every latent, ``(n,)``, itself differentiable; over layers the root of the mean square.

    Args:
        generator: draws in styles.
        z: ``(n, latent)``.
        directions: standard normal, ``(n, C, H, W)``, which are divided by the root of H W here.
    """
    styles = generator.repeated(generator.mapped(z))
    images = generator.drawn(styles, z)
    y = directions / sqrt(prod(images.shape[2:]))
    (gradient,) = torch.autograd.grad((images.float() * y).sum(), styles, create_graph=True)
    return gradient.float().square().sum(2).mean(1).sqrt()


class MixedStep(Step):
    """A step of whose samples a share is drawn in the styles of two latents (style mixing: Karras et al. 2019).

    From a layer on, drawn uniformly among all but the first, such a sample is in the style of a second latent.
    Neighbouring layers then cannot rely on having the same.
    """

    generator: Styled
    mixing: float

    @cached_property
    def samples(self) -> Tensor:
        if not self.mixing:
            return self.made(self.leaf)
        moment, generator = self.moment, self.generator
        second = drawn_for(self, self.prior, "mixing")
        draws = torch.rand(moment.batch_size, 2, generator=moment.rng("mixing layers"))
        mine = draws[moment.workers.rank :: moment.workers.size].to(moment.device)
        first_of_second = 1 + (mine[:, 1] * (generator.count - 1)).long().clamp(max=generator.count - 2)
        layers = torch.arange(generator.count, device=moment.device)
        other = (mine[:, :1] < self.mixing) & (layers >= first_of_second[:, None])
        styles = [generator.repeated(generator.mapped(z)) for z in (self.leaf, second)]
        return generator.drawn(torch.where(other[:, :, None], styles[1], styles[0]), self.leaf)


def drawn_for(step: Step, prior: Prior, name: str) -> Tensor:
    """This process's share of the step's latents of this name, ``(B, d)``, through which no prior learns."""
    moment = step.moment
    labels = prior.labels(moment.upcoming(0)) if prior.classes is not None else None
    z = prior.sample(moment.batch_size, moment.rng(name), labels).z.detach()
    return z[moment.workers.rank :: moment.workers.size].to(moment.device)
