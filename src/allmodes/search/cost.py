"""What a search costs on this machine: a linear model per backend, measured once and kept.

A search of n queries among m new points of d dimensions is a few kinds of work, each in proportion to a product of
sizes: a pass over the points (m d), the products (n m d), the scan (n m), candidates read at random (n c d). The
seconds of each are fitted, never negative, to the measured times of some small searches.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from ..core.files import cache_dir, digest, read_json, write_json
from ..core.progress import track
from ..core.seeding import stream

BACKENDS = ("exact", "exact-bfloat16", "dci")
SIZES = tuple(product((32, 256, 1024), (2_000, 12_000), (64, 256, 784)))  # queries, points, dimensions
REPEATS = 3
VERSION = "2"


@dataclass(frozen=True)
class Workload:
    """A search to be done.

    Args:
        queries: how many, n.
        points: how many, m.
        dim: their dimensions, d.
        standing: the index that holds the points already, ``"exact"`` or ``"dci"``.
    """

    queries: int
    points: int
    dim: int
    standing: str | None = None

    def terms(self, backend: str) -> NDArray[np.float64]:
        """How much there is of each kind of work."""
        n, m, d = float(self.queries), float(self.points), float(self.dim)
        built = self.standing is not None and backend.startswith(self.standing)
        build = [1.0, 0.0, 0.0] if built else [1.0, m * d, m]
        if backend != "dci":
            return np.array([*build, n * m * d, n * m, n * d])
        candidates = max(64.0, m**0.5 / 2 + 4)
        return np.array([*build, n * m, n * candidates * d, n * d])


def cheapest(workload: Workload) -> str:
    """The backend that should take the least time."""
    seconds = {backend: float(workload.terms(backend) @ constants) for backend, constants in measured().items()}
    return min(seconds, key=lambda backend: seconds[backend])


@cache
def measured() -> dict[str, NDArray[np.float64]]:
    """The constants of this machine with this number of threads, from the cache or measured now, in seconds."""
    known = _path()
    if not known.exists():
        title = "Measuring what searches cost on this machine (once; then kept)"
        write_json(known, {backend: _fitted(backend).tolist() for backend in track(BACKENDS, len(BACKENDS), title)})
    return {backend: np.array(values) for backend, values in read_json(known).items()}


def _path() -> Path:
    machine = (platform.node(), platform.processor(), platform.machine(), torch.__version__)
    return cache_dir() / "search" / f"cost-{digest(*machine, str(torch.get_num_threads()), VERSION)}.json"


def _fitted(backend: str) -> NDArray[np.float64]:
    """Least squares in relative error: a small search counts as much as a large one."""
    workloads = [Workload(*sizes) for sizes in SIZES]
    seconds = np.array([_seconds(backend, workload) for workload in workloads])
    terms = np.stack([workload.terms(backend) for workload in workloads]) / seconds[:, None]
    scale = terms.max(axis=0)
    constants: NDArray[np.float64] = nnls(terms / scale, np.ones(len(seconds)))[0] / scale
    return constants


def _seconds(backend: str, workload: Workload) -> float:
    rng = stream(0, "cost", workload.queries, workload.points, workload.dim)
    mixing = torch.randn(16, workload.dim, generator=rng)
    points = torch.tanh(torch.randn(workload.points, 16, generator=rng) @ mixing)
    queries = torch.tanh(torch.randn(workload.queries, 16, generator=rng) @ mixing)
    search = rebuild(backend, workload.dim)
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        search(points, queries)
        times.append(time.perf_counter() - began)
    return min(times)


def rebuild(backend: str, dim: int) -> Callable[[torch.Tensor, torch.Tensor], object]:
    """A function that builds the backend over points and asks for the nearest of each query."""
    from .dci import DCI
    from .exact import Exact

    def search(points: torch.Tensor, queries: torch.Tensor) -> object:
        index = DCI(dim) if backend == "dci" else Exact(dim, precision="bfloat16" if "bf" in backend else "float32")
        index.add(points, borrow=True)
        return index.query(queries)

    return search
