"""Directions to project points on: random ones, or those in which the points vary most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..core.seeding import stream

SAMPLE = 1_000
ITERATIONS = 2
FURTHEST = 100  # exponent of a scale


@dataclass(frozen=True)
class Directions:
    """How points become projections: ``scale * matrix @ (point - origin)``.

    Args:
        matrix: unit rows, float32 ``(M, dim)``.
        origin: float32 ``(dim,)``. It does not change differences; it keeps numbers small, where they round less.
        scale: a power of two that brings projections near 1, whose squares neither overflow nor vanish.
    """

    matrix: Tensor
    origin: Tensor
    scale: float = 1.0

    @classmethod
    def fitted(cls, points: Tensor, count: int, kind: Literal["random", "pca"], *, seed: int) -> Directions:
        """Directions for points like these.

        Args:
            points: ``(n, dim)``; with none, the origin is 0 and the directions are random.
            count: number of directions M; the rest is random where the points span fewer.
            kind: ``"random"`` draws them uniformly (Li & Malik 2016); ``"pca"`` takes the leading principal
                components of 1,000 of the points, found by subspace iteration (Halko et al. 2011, algorithm 4.4).
            seed: of the draws.
        """
        rng = stream(seed, "directions")
        matrix = torch.randn(count, points.shape[1], generator=rng)
        chosen = points[torch.randint(len(points), (SAMPLE,), generator=rng)] if len(points) > SAMPLE else points
        origin = chosen.mean(0, dtype=torch.float64).float() if len(points) else torch.zeros(points.shape[1])
        centred = chosen - origin
        if math.isinf(_largest(centred)):  # a difference of numbers near those
            centred = chosen.double() - origin.double()
        scale = _near_one(_largest(centred))
        if kind == "pca" and len(points) > 1:
            matrix = _principal(centred.mul_(scale).float(), matrix)
        return cls(torch.nn.functional.normalize(matrix, dim=1), origin, scale)


def _largest(values: Tensor) -> float:
    """Of these numbers, their signs aside; 0 if there is none."""
    return max(map(abs, map(float, values.aminmax()))) if values.numel() else 0.0


def _near_one(largest: float) -> float:
    """The power of two that brings this number between 1/2 and 1, as far as float32 can hold it times a direction."""
    if largest == 0 or not math.isfinite(largest):
        return 1.0
    return 2.0 ** -max(-FURTHEST, min(FURTHEST, math.frexp(largest)[1]))


def _principal(points: Tensor, start: Tensor) -> Tensor:
    """Leading right singular vectors of ``(n, dim)`` points, as rows; from random rows ``(M, dim)``."""
    spanned = min(len(start), len(points), points.shape[1])
    basis = start[:spanned].T
    for _ in range(ITERATIONS):
        basis = torch.linalg.qr(points.T @ (points @ basis)).Q
    return torch.cat([basis.T, start[spanned:]])
