"""Planar mixtures of Gaussians with known modes: what a method covers can be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.files import digest
from ..core.records import Batch
from ..core.seeding import stream
from .base import Dataset


class Planar(Dataset):
    """Points ``mode + sigma * N(0, I)``, all modes equally often, drawn afresh for every batch.

    Args:
        modes: centres ``(K, 2)``.
        sigma: standard deviation of each coordinate.
    """

    shape = (2,)

    def __init__(self, modes: Tensor, sigma: float) -> None:
        self.modes = modes
        self.sigma = sigma
        self.fingerprint = digest(modes.numpy().tobytes(), str(sigma))

    def __len__(self) -> int:
        return len(self.modes)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        rng = stream(seed, "points", number)
        labels = torch.randint(len(self.modes), (size,), generator=rng)
        points = self.modes[labels] + self.sigma * torch.randn(size, 2, generator=rng)
        return Batch(points, torch.arange(number * size, (number + 1) * size), labels)

    def law(self) -> Sequence[float]:
        return [1 / len(self.modes)] * len(self.modes)


class Ring(Planar):
    """Eight tight modes on the unit circle (Metz et al. 2017, section 3.1)."""

    name = "ring"

    def __init__(self) -> None:
        angle = torch.arange(8) * (2 * math.pi / 8)
        super().__init__(torch.stack([angle.cos(), angle.sin()], 1), 0.02)


class Grid(Planar):
    """25 tight modes on a 5 x 5 grid from -2 to 2, half the scale of Srivastava et al. 2017, section 4.1."""

    name = "grid"

    def __init__(self) -> None:
        line = torch.arange(-2.0, 3.0)
        super().__init__(torch.cartesian_prod(line, line), 0.05)


class Spiral(Planar):
    """40 modes along one and a half turns of a spiral: a curve that a generator must follow to its end."""

    name = "spiral"

    def __init__(self) -> None:
        turn = torch.linspace(0.25, 1.5, 40).sqrt() / 1.5**0.5
        angle = turn * 3 * math.pi
        super().__init__(2 * turn[:, None] * torch.stack([angle.cos(), angle.sin()], 1), 0.03)
