r"""Expanded distances and what they may be wrong by.

.. math:: |q - p|^2 = |q|^2 - 2 \langle q, p \rangle + |p|^2

turns all distances of two sets into one matrix product, which runs near the arithmetic peak of any device. But large
terms cancel: for any order of summation and any t > 0 the sum is wrong by at most about

.. math:: \gamma (2 |q| |p| + |q|^2 + |p|^2) \le \gamma (t + 1) |q|^2 + \gamma (1 / t + 1) |p|^2, \qquad \gamma = D u

(u is half a unit in the last place; Higham 2002, section 3.1): a term of the query and one of the point. So if both
norms are taken that much smaller, the same product yields lower bounds of the distances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor

from .base import check_finite

ROWS = 512  # of points that fit into a processor's cache
SAMPLE = 64  # points that decide the origin
CENTRED = 16.0  # the mean's square over the variance from which points are moved to their mean
LEAST, MOST = 1e-16, 1e30  # the largest squared norm, where nothing must be scaled
TINY = 1e-30  # squares that numbers below the smallest of float32 can add up to
COARSE = 2.0**-6  # relative error of a product of two numbers rounded to bfloat16, rounded itself


@dataclass(frozen=True)
class Frame:
    """Where products are taken: points are moved, so that less cancels, and scaled, so that nothing overflows.

    Args:
        origin: ``(D,)``, or None where points are taken as they are.
        scale: a power of two.
    """

    origin: Tensor | None = None
    scale: float = 1.0

    @classmethod
    def around(cls, parts: Sequence[Tensor], *, centred: float = CENTRED) -> tuple[Frame, list[Tensor]]:
        """A frame for points ``(n, D)`` in several parts, and their squared norms in it, ``(n,)`` each.

        Args:
            parts: of one kind and dimension.
            centred: the mean's square over the variance from which points are moved to their mean.

        Raises:
            ValueError: NaN or infinity.
        """
        step = -(-sum(map(len, parts)) // SAMPLE)
        sample = torch.cat([part[::step].to(parts[0].device).double() for part in parts])
        mean = sample.mean(0)
        far = bool(mean.square().sum() > centred * (sample - mean).square().sum(1).mean())
        frame = cls(mean.to(parts[0].dtype) if far else None)
        norms = [frame.norms(part) for part in parts]
        if not within_reach(norms):
            for part in parts:
                check_finite(part, "points")
            largest = max(float(frame.moved(some).abs().max()) for part in parts for some in torch.split(part, ROWS))
            frame = cls(frame.origin, 2.0 ** -math.frexp(largest)[1])
            norms = [frame.norms(part) for part in parts]
        return frame, norms

    def moved(self, points: Tensor) -> Tensor:
        """Points ``(n, D)`` from the origin, in float64, not scaled."""
        return points.double() if self.origin is None else points.double() - self.origin.to(points.device)

    def placed(self, points: Tensor) -> Tensor:
        """Points ``(n, D)`` in the frame, in float32; the same memory where it can be."""
        if points.dtype == torch.float64:
            return (self.moved(points) * self.scale).float()
        points = points if self.scale == 1 else points * self.scale
        return points if self.origin is None else points - self.origin.to(points.device) * self.scale

    def norms(self, points: Tensor) -> Tensor:
        """Squared norms ``(n,)`` of points ``(n, D)`` in the frame."""
        return torch.cat([squared_norms(self.placed(some)) for some in torch.split(points, ROWS)])


def within_reach(norms: Sequence[Tensor]) -> bool:
    """Whether products of points of these squared norms stay well within float32."""
    return LEAST < float(torch.stack([some.max().cpu() for some in norms]).max()) < MOST  # no NaN is


def squared_norms(points: Tensor) -> Tensor:
    """Squared norms ``(n,)`` of points ``(n, D)``."""
    norms: Tensor = torch.linalg.vector_norm(points, dim=1)
    return norms.square()


@dataclass(frozen=True)
class Slack:
    """By which share of the squared norm of either side an expanded squared distance may be wrong.

    Args:
        query: of that of the query.
        point: of that of the point.
    """

    query: float
    point: float

    @classmethod
    def of(cls, dim: int, kind: torch.dtype, ratio: float = 1.0) -> Slack:
        """For products of ``dim`` numbers of this kind; the bound is the best for norms of this ratio t, |p| / |q|."""
        unit = 2.0**-53 if kind == torch.float64 else 2.0**-24
        summed = (dim + 20) * unit
        product = summed + (COARSE if kind == torch.bfloat16 else 0.0)
        return cls(product * ratio + summed, product / ratio + 2 * summed)


class Precise(ExitStack):
    """Within, products are as precise as their numbers, whatever is set for networks."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.enter_context(torch.no_grad())
        self.enter_context(torch.autocast(device.type, enabled=False))
        try:
            before = torch.get_float32_matmul_precision()
        except RuntimeError:  # it was set for each backend
            for name in ("cuda", "mkldnn"):
                products = getattr(torch.backends, name).matmul
                self.callback(setattr, products, "fp32_precision", products.fp32_precision)
                products.fp32_precision = "ieee"
            return
        if before != "highest":
            torch.set_float32_matmul_precision("highest")
            self.callback(torch.set_float32_matmul_precision, before)


@dataclass(frozen=True)
class Placed:
    """Points in a frame, ready for products with others.

    Args:
        values: ``(n, D)``, float32 or float64, or rounded to bfloat16.
        norms: squared, ``(n,)``.
    """

    values: Tensor
    norms: Tensor

    @classmethod
    def of(cls, values: Tensor, kind: torch.dtype | None = None) -> Placed:
        """From points ``(n, D)`` in a frame, for products of numbers of this kind, by default their own."""
        return cls(values if kind is None else values.to(kind), squared_norms(values))

    def __getitem__(self, rows: slice) -> Placed:
        return Placed(self.values[rows], self.norms[rows])

    @property
    def slack(self) -> Tensor:
        """By how much a bound may be too low on account of each point, ``(n,)``."""
        return 2 * Slack.of(self.values.shape[1], self.values.dtype).point * self.norms

    def bounds(self, others: Placed) -> Tensor:
        """Lower bounds ``(n, m)`` of the squared distances, too low by at most the slack of both and twice TINY."""
        norms = others.norms - others.slack / 2 - TINY
        if self.values.dtype == torch.bfloat16:
            products = torch.add(norms, self.values @ others.values.T, alpha=-2)
        else:
            products = torch.addmm(norms, self.values, others.values.T, alpha=-2)
        return products.add_((self.norms - self.slack / 2)[:, None])
