"""``allmodes bench metrics``: our metrics beside those of others, on the same features: answers, seconds, memory.

Every measurement has a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np
import torch
from numpy.typing import NDArray

from .table import Row, Table

Array = NDArray[np.float32]
Measure = Callable[[Array, Array], Mapping[str, float]]
DIM, SPREAD = 2_048, 40  # dimensions, and those in which examples differ most
SIZES = (2_000, 10_000, 50_000)
SQUARE = 20_000  # examples from which peers that hold all pairs in memory are left out
GIB = 2**30


@dataclass(frozen=True)
class Peer:
    """A way to measure something.

    Args:
        name: for tables.
        measure: real and fake features to figures by name.
        packages: that it needs.
        square: whether it holds all pairs in memory.
    """

    name: str
    measure: Measure
    packages: tuple[str, ...] = ()
    square: bool = False


def _our_prdc(real: Array, fake: Array) -> Mapping[str, float]:
    from ..metrics import prdc

    return {name: score.value for name, score in prdc(real, fake, k=5).items()}


def _their_prdc(real: Array, fake: Array) -> Mapping[str, float]:
    from contextlib import redirect_stdout

    from prdc import compute_prdc

    with redirect_stdout(sys.stderr):
        return {name: float(value) for name, value in compute_prdc(real, fake, 5).items()}


def _our_frechet(real: Array, fake: Array) -> Mapping[str, float]:
    from ..metrics import frechet_distance

    return {"frechet_distance": frechet_distance(real, fake).value}


def _their_frechet(real: Array, fake: Array) -> Mapping[str, float]:
    from torchmetrics.image.fid import FrechetInceptionDistance

    identity = torch.nn.Identity()
    identity.num_features = real.shape[1]
    metric = FrechetInceptionDistance(feature=identity, input_img_size=(1, 1, real.shape[1]))
    for rows, kind in ((real, True), (fake, False)):
        metric.update(torch.from_numpy(rows), real=kind)
    return {"frechet_distance": float(metric.compute())}


def _our_kernel(real: Array, fake: Array) -> Mapping[str, float]:
    from ..metrics import kernel_distance

    return {"kernel_distance": kernel_distance(real, fake).value}


def _their_kernel(real: Array, fake: Array) -> Mapping[str, float]:
    from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

    x, y = torch.from_numpy(real).double(), torch.from_numpy(fake).double()
    kernels = (poly_kernel(x, x), poly_kernel(x, y), poly_kernel(y, y))
    return {"kernel_distance": float(maximum_mean_discrepancy(*kernels))}


def _our_neighbours(real: Array, fake: Array) -> Mapping[str, float]:
    from ..search import Exact

    index = Exact(real.shape[1])
    index.add(real, borrow=True)
    return {"mean distance to the 5th neighbour": float(index.query(fake, 5).distances[:, -1].mean())}


def _their_neighbours(real: Array, fake: Array) -> Mapping[str, float]:
    from sklearn.neighbors import NearestNeighbors

    distances, _ = NearestNeighbors(n_neighbors=5, algorithm="brute", n_jobs=-1).fit(real).kneighbors(fake)
    return {"mean distance to the 5th neighbour": float(distances[:, -1].mean())}


PAIRS = (
    (Peer("allmodes prdc", _our_prdc), Peer("prdc", _their_prdc, ("prdc",), square=True)),
    (Peer("allmodes frechet_distance", _our_frechet), Peer("torchmetrics FID", _their_frechet, ("torchmetrics",))),
    (
        Peer("allmodes kernel_distance", _our_kernel),
        Peer("torchmetrics kernel MMD, all pairs", _their_kernel, ("torchmetrics",), square=True),
    ),
    (Peer("allmodes Exact", _our_neighbours), Peer("scikit-learn NearestNeighbors", _their_neighbours, ("sklearn",))),
)


def all_tables(*, quick: bool, progress: Callable[[str], None]) -> list[Table]:
    """The whole benchmark.

    Args:
        quick: without the largest size.
        progress: told what is measured next.
    """
    table = Table(
        "Metrics beside those of others",
        f"Features of {DIM:,} dimensions, as many samples as data, 5 neighbours. 'memory' is what is held at most "
        "beyond the features; 'times faster' is the ratio of seconds; 'apart' the largest relative difference of the "
        f"answers. Peers that hold all pairs in memory are left out from {SQUARE:,} examples on.",
    )
    for n in SIZES[:-1] if quick else SIZES:
        for ours, theirs in PAIRS:
            progress(f"{ours.name}, {n:,} examples")
            table.rows.append(_row(n, ours, theirs))
    return [table]


def _row(n: int, ours: Peer, theirs: Peer) -> Row:
    mine = _alone(ours.measure, n)
    row: Row = {"n": n, "ours": ours.name, "seconds": mine.seconds, "memory (GiB)": mine.memory / GIB}
    row["peer"] = theirs.name
    if (theirs.square and n >= SQUARE) or not all(find_spec(package) for package in theirs.packages):
        return row
    other = _alone(theirs.measure, n)
    gaps = [abs(mine.answer[name] - value) / max(abs(value), 1e-12) for name, value in other.answer.items()]
    row |= {"its seconds": other.seconds, "its memory (GiB)": other.memory / GIB}
    return row | {"times faster": other.seconds / mine.seconds, "apart": max(gaps)}


@dataclass(frozen=True)
class Measured:
    """What a measurement gave: figures by name, seconds, and bytes beyond those of the features."""

    answer: Mapping[str, float]
    seconds: float
    memory: int


def _alone(measure: Measure, n: int) -> Measured:
    """Measure in a process of its own, with as many threads as here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_timed, measure, n, torch.get_num_threads()).result()


def _timed(measure: Measure, n: int, threads: int) -> Measured:
    torch.set_num_threads(threads)
    few = features(100)
    measure(*few)  # imports, and the threads' start
    real, fake = features(n)
    before, began = _most_memory(), time.perf_counter()
    answer = measure(real, fake)
    return Measured(answer, time.perf_counter() - began, max(0, _most_memory() - before))


def _most_memory() -> int:
    """Bytes that this process has held at most."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def features(n: int) -> tuple[Array, Array]:
    """Real and fake features, float32 ``(n, 2048)`` each: non-negative, as those of networks are, and correlated."""
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((SPREAD, DIM), dtype=np.float32)
    real, fake = (
        np.maximum(rng.standard_normal((n, SPREAD), dtype=np.float32) * spread @ basis, 0) for spread in (1.0, 0.9)
    )
    return real, fake
