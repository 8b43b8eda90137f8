"""A flow of fully connected layers, for planar points."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..base import require_sizes
from ..flow import Flow, waves
from ..solvers import Solver

WAVES = 16


class VelocityMLP(Flow):
    """Three hidden layers with SiLU, linear output, as ``toy-mlp``; they see the point and its time.

    Args:
        shape: of one example.
        latent: dimensions of the latent: those of an example.
        width: of the hidden layers.
        steps: of the solver.
        solver: ``euler``, ``midpoint``, ``heun`` or ``rk4``, see :class:`Flow`.
    """

    name = "velocity-mlp"
    convolutional = False

    def __init__(
        self, shape: tuple[int, ...], latent: int, *, width: int = 128, steps: int = 10, solver: Solver = "midpoint"
    ) -> None:
        super().__init__(shape, latent, steps=steps, solver=solver)
        require_sizes(width=width)
        sizes = [latent + WAVES, width, width, width]
        hidden = [layer for a, b in zip(sizes, sizes[1:], strict=False) for layer in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(width, latent), nn.Unflatten(1, self.shape))

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        found: Tensor = self.layers(torch.cat([x.flatten(1), waves(t, WAVES)], dim=1))
        return found
