r"""A generator that follows a velocity: the latent is where a point begins, the sample is where it ends.

.. math:: G(z) = x(1), \qquad x(0) = z, \qquad \dot x = v_\theta(x, t)

(continuous normalising flows, Chen et al. 2018; with a velocity that was learnt by flow matching, Lipman et al. 2023).
So a latent has as many dimensions as an example, and a sample takes several calls of the network.
"""

from __future__ import annotations

from abc import abstractmethod
from math import log, prod

import torch
from torch import Tensor

from ..core.errors import UserError
from .base import Generator, require_sizes
from .solvers import Solver, integrate, stages

FASTEST = 100.0  # radians that the fastest wave of a time makes from 0 to 1


class Flow(Generator):
    """What solves the equation. Images are clipped to [-1, 1] at the end; points are left as they are.

    Args:
        shape: of one example.
        latent: dimensions of the latent: those of an example.
        steps: of the solver.
        solver: ``euler`` (one network call a step), ``midpoint`` or ``heun`` (two), or ``rk4`` (four).

    Raises:
        UserError: the latent has other dimensions than an example, or there is no step.
    """

    def __init__(self, shape: tuple[int, ...], latent: int, *, steps: int, solver: Solver) -> None:
        super().__init__()
        require_sizes(steps=steps)
        if latent != prod(shape):
            raise UserError(
                f"The generator '{self.name}' moves latents onto examples, and these have {prod(shape):,} dimensions, "
                f"not {latent:,}: take --prior.dim {prod(shape)}."
            )
        self.shape = tuple(shape)
        self.steps = steps
        self.solver = solver

    @property
    def calls(self) -> int:
        return self.steps * stages(self.solver)

    def solve_in(self, steps: int) -> None:
        """See :meth:`Generator.solve_in`: of the solver, for any velocity that was learnt."""
        require_sizes(steps=steps)
        self.steps = steps

    @abstractmethod
    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Of points ``(n, *shape)`` at times ``(n,)`` in [0, 1], ``(n, *shape)``."""

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        end = integrate(self.velocity, z.view(-1, *self.shape), steps=self.steps, solver=self.solver)
        return end.clamp(-1, 1) if len(self.shape) == 3 else end


def waves(t: Tensor, size: int) -> Tensor:
    """Times ``(n,)`` as cosines and sines of ``size // 2`` frequencies, ``(n, size)`` (Vaswani et al. 2017, 3.5)."""
    half = size // 2
    slow = torch.arange(half, dtype=torch.float32, device=t.device) / max(half - 1, 1)
    phase = t.float()[:, None] * (log(FASTEST) * slow).exp()
    return torch.cat([phase.cos(), phase.sin()], dim=1)
