"""Do the samples follow the law of the data at all? A test that sees what no single part shows.

Of the ten nearest others of every example and sample, those of its own side are counted, among examples and among
samples. Where the laws are one, sides are only labels, and shuffling them shows what chance makes of the two counts
(Schilling 1986). Two things betray a difference, after Chen and Friedman (2017): both counts together are too large, as
where samples are elsewhere; or one is too large against the other, as where samples are in the middle of the data,
where they are neighbours of everything. The larger of the two, each in its standard deviations, is the statistic (Zhang
and Chen 2022), so that samples nearer to the data than chance brings them, as copies are, do not count as different."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from ..core.seeding import derive_seed, stream
from ..search import Exact

NEIGHBOURS = 10
SHUFFLES = 199
PER_VIEW = 50  # shuffles at least: the smallest p of so many views is 0.02


@dataclass(frozen=True)
class Difference:
    """Whether the samples differ from the data in any way.

    Args:
        p_value: chance of so large a difference where both follow one law, corrected for the number of views; at least
            one in 200, what shuffling shows.
    """

    p_value: float


def difference(real: Tensor, fake: Tensor, *, seed: int = 0, views: int = 1) -> Difference:
    """Test whether ``real`` ``(n, D)`` and ``fake`` ``(m, D)``, of at least two each, follow one law.

    Where several ``views`` are tested, p is multiplied by their number (Bonferroni), and sides are shuffled more often.

    The test is exact where the examples are independent of each other: data that hold everything twice differ from
    samples that do not.
    """
    order = torch.randperm(len(real) + len(fake), generator=stream(seed, "pool"))  # ties are no side's
    graph = _neighbours(torch.cat([real, fake])[order])
    side = (order < len(real)).numpy().astype(np.float32)
    shuffles = max(SHUFFLES, PER_VIEW * views - 1)
    rng = np.random.default_rng(derive_seed(seed, "difference") % 2**32)
    shuffled = np.stack([side, *(rng.permutation(side) for _ in range(shuffles))], axis=1)
    found = _statistic(graph, shuffled, len(real), len(fake))
    as_large = int((found[1:] >= found[0]).sum())
    return Difference(min(1.0, views * (1 + as_large) / (1 + shuffles)))


def _neighbours(points: Tensor) -> csr_array:
    """Ones at the nearest others of each point, ``(N, N)``."""
    size, k = len(points), min(NEIGHBOURS, len(points) - 1)
    index = Exact(points.shape[1])
    index.add(points, borrow=True)
    ids = index.query(points, k + 1).ids
    own = ids == torch.arange(size)[:, None]
    own[~own.any(1), -1] = True  # among more than k that are equal to it
    columns = ids[~own].numpy()
    return csr_array((np.ones(size * k, np.float32), columns, np.arange(0, size * k + 1, k)), shape=(size, size))


def _statistic(graph: csr_array, side: NDArray[np.float32], n: int, m: int) -> NDArray[np.float64]:
    """For every way to take sides, a column of ones and zeros ``(N, S)``: how different they look, ``(S,)``."""
    near = graph @ side
    ours = (side * near).sum(0, dtype=np.float64)
    theirs = ((1 - side) * (graph.sum(1)[:, None] - near)).sum(0, dtype=np.float64)
    weight = (m - 1) / (n + m - 2)  # of the sum that has the least spread, so that it is not that of the larger side
    together, against = weight * ours + (1 - weight) * theirs, np.abs(_standard(ours - theirs))
    return np.maximum(_standard(together), against)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """In standard deviations from the mean; 0 where nothing varies."""
    centred = np.round(values - values.mean(), 6)
    standard: NDArray[np.float64] = centred / (centred.std() or 1.0)
    return standard
