r"""Solvers of ordinary differential equations: explicit Runge-Kutta methods of a fixed number of steps.

.. math:: \dot x = v(x, t), \quad k_i = v\Big(x + h \sum_{j < i} a_{ij} k_j,\; t + c_i h\Big),
          \quad x \leftarrow x + h \sum_i b_i k_i

with :math:`c_i = \sum_j a_{ij}` (Hairer, Norsett & Wanner 1993, section II.1). The error of a method of order p falls
with :math:`h^p`. A step costs as many calls of the velocity as the method has stages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .base import require_sizes

Solver = Literal["euler", "midpoint", "heun", "rk4"]
Velocity = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Tableau:
    """The coefficients of a method (Butcher 1964).

    Args:
        a: of each stage after the first, what it takes of the stages before.
        b: what the step takes of each stage.
    """

    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]


TABLEAUX: dict[Solver, Tableau] = {
    "euler": Tableau((), (1.0,)),
    "midpoint": Tableau(((1 / 2,),), (0.0, 1.0)),
    "heun": Tableau(((1.0,),), (1 / 2, 1 / 2)),
    "rk4": Tableau(((1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}


def stages(solver: Solver) -> int:
    """How often a step of the method calls the velocity."""
    return len(TABLEAUX[solver].b)


def integrate(velocity: Velocity, x: Tensor, *, steps: int, solver: Solver) -> Tensor:
    """The solution at time 1 of what is ``x`` at time 0, differentiable.

    Args:
        velocity: of points ``(n, ...)`` at times ``(n,)``, ``(n, ...)``.
        x: where it begins, ``(n, ...)``.
        steps: of equal length.
        solver: the method.

    Raises:
        UserError: there is no step.
    """
    require_sizes(steps=steps)
    tableau, h = TABLEAUX[solver], 1 / steps
    for step in range(steps):
        slopes: list[Tensor] = []
        for row in ((), *tableau.a):
            at = torch.full((len(x),), (step + sum(row)) * h, dtype=x.dtype, device=x.device)
            slopes.append(velocity(_moved(x, h, row, slopes), at))
        x = _moved(x, h, tableau.b, slopes)
    return x


def _moved(x: Tensor, h: float, weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            x = x + h * weight * slope
    return x
