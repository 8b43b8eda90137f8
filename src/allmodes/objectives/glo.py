r"""Generative Latent Optimization (Bojanowski, Joulin, Lopez-Paz & Szlam 2018, equation 1): no adversary, no encoder.

.. math:: \min_\theta \frac1n \sum_i \min_{z_i \in B} |\phi(x_i) - \phi(G_\theta(z_i))|^2

Every example has a code of its own in the unit ball B, learned together with the generator:

1. Of the examples of the batch, take the codes.
2. The generator descends the squared distance of their samples to the examples.
3. The codes descend the same, and return to the ball if they left it.

New samples come from a Gaussian fitted to the codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..core.moment import Moment
from ..core.seeding import stream
from ..distances.base import Distance
from ..networks.base import Generator
from ..priors.fitted_gaussian import FittedGaussian
from .base import Objective
from .terms import Loss, Step, Term

REFIT = 10  # steps between two fits of the prior


class Codes(nn.Module):
    """A code in the unit ball for every example.

    Args:
        examples: their number n.
        dim: dimensions of a code.
        seed: of the run, which the codes begin with as the weights do. Code i belongs to example i of the data in
            every process and session; the order in which examples come does not change that.
    """

    def __init__(self, examples: int, dim: int, *, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(examples, dim, generator=stream(seed, "codes"))
        self.free = nn.Parameter(in_ball(drawn))

    def forward(self, index: Tensor) -> Tensor:
        """Codes of examples: ``(B,) -> (B, dim)``."""
        return in_ball(self.free[index])

    def all(self) -> Tensor:
        """Those of all examples, ``(n, dim)``, without a gradient."""
        return in_ball(self.free.detach())


def in_ball(codes: Tensor) -> Tensor:
    """Codes ``(n, dim)`` whose length is more than 1, brought to length 1 (ibid., section 2)."""
    length: Tensor = codes.norm(dim=1, keepdim=True)
    return codes / length.clamp_min(1.0)


class Glo(Objective):
    """Generator and codes learn to reconstruct every example.

    Args:
        examples: number of examples of the data.
        seed: of the run; it draws the codes that the training begins with.
    """

    name = "glo"
    prior: FittedGaussian

    def __init__(
        self, generator: Generator, prior: FittedGaussian, *, distance: Distance, examples: int, seed: int
    ) -> None:
        self.generator = generator
        self.prior = prior
        self.codes = Codes(examples, prior.dim, seed=seed)
        self.terms = code_terms(self.codes, distance)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "codes": self.codes}

    def due(self, moment: Moment) -> bool:
        return moment.step % REFIT == 0

    def prepare(self, moment: Moment) -> dict[str, float]:
        self.prior.to(moment.device).fit(self.codes.all())
        return {}

    def state_dict(self) -> dict[str, Tensor]:
        return {"prior.mean": self.prior.mean, "prior.factor": self.prior.factor}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.prior.load_state_dict({key.removeprefix("prior."): value for key, value in state.items()})


def code_terms(codes: Codes, distance: Distance) -> tuple[CodedTerm, CodeTerm]:
    """Steps 1 to 3, for any method that learns codes: one pass through the generator serves both players."""
    coded = CodedTerm(codes, distance)
    return coded, CodeTerm(coded)


class CodedTerm(Term):
    """Step 2: the squared distance of examples to the samples of their codes.

    Args:
        codes: of every example.
        distance: between an example and its sample.
    """

    name = "coded"

    def __init__(self, codes: Codes, distance: Distance) -> None:
        self.codes = codes
        self.distance = distance

    def loss(self, step: Step) -> Loss:
        images = step.batch.images
        self.taken = self.codes(step.batch.index.to(images.device))
        self.leaf = self.taken.detach().requires_grad_()
        difference = self.distance.embed(step.made(self.leaf)) - self.distance.embed(images)
        value = difference.float().pow(2).sum(1).mean()
        return Loss(value, {"loss": value.detach()})

    def assigned(self) -> Tensor | None:
        return self.codes.all()


class CodeTerm(Term):
    """Step 3: what the generator's backward pass has left at the codes is their gradient."""

    name = "code"
    player = "codes"

    def __init__(self, coded: CodedTerm) -> None:
        self.coded = coded

    def loss(self, step: Step) -> Loss:
        return Loss((self.coded.taken * self.coded.leaf.grad).sum())
