"""Times, and what the machine could do at best."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

ENOUGH = 4.0  # seconds


def seconds(work: Callable[[], object], *, repeats: int = 3) -> float:
    """Median wall time of some calls, after one that is not counted; of a call that takes seconds, the first counts."""
    times: list[float] = []
    while len(times) <= repeats and sum(times) < ENOUGH:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times[1:] or times)


@dataclass(frozen=True)
class Machine:
    """What limits a search.

    Args:
        flops: float32 operations a second, of a large matrix product.
        stream: bytes a second, read in sequence from memory.
        scattered: bytes a second, read in rows of 3 KiB at random.
    """

    flops: float
    stream: float
    scattered: float

    @classmethod
    def measured(cls) -> Machine:
        """This machine, with the number of threads that torch uses."""
        side = 1536
        a, b = torch.randn(side, side), torch.randn(side, side)
        flops = 2 * side**3 / seconds(lambda: a @ b, repeats=7)
        rows = torch.randn(65_536, 784)
        order = torch.randperm(len(rows))[:16_384]
        into = torch.empty(len(order), 784)
        stream = rows.nbytes / seconds(rows.sum, repeats=5)
        scattered = into.nbytes / seconds(lambda: torch.index_select(rows, 0, order, out=into), repeats=5)
        return cls(flops, stream, scattered)

    def exact(self, queries: int, points: int, dim: int) -> float:
        """Least seconds of an exact search: the larger of arithmetic and memory."""
        return max(2.0 * queries * points * dim / self.flops, 4.0 * points * dim / self.stream)

    def dci(self, queries: int, points: int, dim: int, *, depth: int, candidates: float, build: bool) -> float:
        """Least seconds of a search by DCI: projections, scan and candidates, each at its own limit."""
        projections = max(2.0 * points * dim * depth / self.flops, 4.0 * points * dim / self.stream) if build else 0.0
        scan = 2.0 * queries * (points + dim) * depth / self.flops
        return projections + scan + 4.0 * queries * candidates * dim / self.scattered
