"""Few points of the plane that are not equally hard: a crowd, where any sample is near, and loners far from it."""

from __future__ import annotations

import math

import torch

from ..core.records import Batch
from ..core.seeding import stream
from .fixed import endless_order
from .planar import Planar

CROWD, LONERS = 32, 8


class Crowd(Planar):
    """32 points within 0.3 of the origin and 8 on a circle of radius 2, always the same.

    A point is covered by samples within 0.2 of it.
    """

    name = "crowd"
    fixed = True

    def __init__(self) -> None:
        rng = stream(0, "crowd")
        radius, turn = torch.rand(2, CROWD, generator=rng)
        angle = 2 * math.pi * turn
        crowd = 0.3 * radius.sqrt()[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        angle = torch.arange(LONERS) * (2 * math.pi / LONERS)
        loners = 2 * torch.stack([angle.cos(), angle.sin()], 1)
        super().__init__(torch.cat([crowd, loners]), 0.05)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        index = endless_order(len(self), number * size, size, seed)
        return Batch(self.modes[index], index, index)
