r"""Generative Latent Optimization (Bojanowski, Joulin, Lopez-Paz & Szlam 2018, equation 1): no adversary, no encoder.

.. math:: \min_\theta \frac1n \sum_i \min_{z_i \in B} |\phi(x_i) - \phi(G_\theta(z_i))|^2

Every example has a code of its own in the unit ball B, learned together with the generator:

1. Of the examples of the batch, take the codes.
2. The generator descends the squared distance of their samples to the examples.
3. The codes descend the same, and return to the ball if they left it.

New samples come from a Gaussian fitted to the codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..core.seeding import stream
from ..distances.base import Distance
from ..networks.base import Generator
from ..priors.base import Prior
from ..priors.fitted_gaussian import FittedGaussian
from .base import Loss, Objective, Update

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

    Raises:
        UserError: the prior is none that is fitted to codes.
    """

    name = "glo"

    def __init__(self, generator: Generator, prior: Prior, *, distance: Distance, examples: int, seed: int) -> None:
        if not isinstance(prior, FittedGaussian):
            raise UserError(f"The objective 'glo' needs prior: fitted-gaussian, not '{prior.name}'.")
        self.generator = generator
        self.prior: FittedGaussian = prior
        self.reconstruction = Reconstruction(generator, Codes(examples, prior.dim, seed=seed), distance)

    def players(self) -> dict[str, nn.Module]:
        return self.reconstruction.players()

    def due(self, moment: Moment) -> bool:
        return moment.step % REFIT == 0

    def prepare(self, moment: Moment) -> dict[str, float]:
        codes = self.reconstruction.codes
        self.prior.to(moment.device).fit(codes.all())
        return {}

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        yield from self.reconstruction.updates(batch)

    def assigned(self) -> Tensor | None:
        return self.reconstruction.codes.all()

    def state_dict(self) -> dict[str, Tensor]:
        return {"prior.mean": self.prior.mean, "prior.factor": self.prior.factor}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.prior.load_state_dict({key.removeprefix("prior."): value for key, value in state.items()})


class Reconstruction:
    """Steps 1 to 3, for any method that learns codes.

    Args:
        generator: maps codes to samples.
        codes: of every example.
        distance: between an example and its sample.
    """

    def __init__(self, generator: Generator, codes: Codes, distance: Distance) -> None:
        self.generator = generator
        self.codes = codes
        self.distance = distance

    def players(self) -> dict[str, nn.Module]:
        """The generator and the codes."""
        return {"generator": self.generator, "codes": self.codes}

    def updates(self, batch: Batch) -> Iterator[Update]:
        """One pass through the generator serves both players: what it leaves at the codes is their gradient."""
        z = self.codes(batch.index.to(batch.images.device))
        leaf = z.detach().requires_grad_()

        def reconstruct() -> Loss:
            difference = self.distance.embed(self.generator(leaf)) - self.distance.embed(batch.images)
            value = difference.float().pow(2).sum(1).mean()
            return Loss(value, {"loss": value.detach()})

        yield Update("generator", reconstruct)
        yield Update("codes", lambda: Loss((z * leaf.grad).sum()))
