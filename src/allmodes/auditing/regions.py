"""Parts of the data: regions of feature space, at several resolutions.

k-means on one part of the real data draws the finest regions; merging those whose union is tightest (Ward 1963) gives
the coarser ones. Counts in the other part and among samples do not depend on how the regions were drawn, so tests on
them (:mod:`.shares`) keep their level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from torch import Tensor

from ..core.seeding import derive_seed
from ..search import Exact
from .shares import Share, compare
from .tables import Table
from .typical import typical

PER_REGION = 10  # examples of the part that draws them, on average, in a region of the finest resolution
MOST = 500  # regions of the finest resolution
COARSER = 3  # times fewer regions at each further resolution
FEWEST = 4


def resolutions(examples: int, different: int | None = None) -> list[int]:
    """How many regions so many examples draw at each resolution, finest first, if so many of them are different."""
    finest = min(max(examples // PER_REGION, 1), MOST, examples if different is None else different)
    levels = [finest]
    while (coarser := finest // COARSER ** len(levels)) >= FEWEST:
        levels.append(coarser)
    return levels


@dataclass(frozen=True)
class Regions:
    """Nested partitions of feature space.

    Args:
        centres: of the finest regions, float32 ``(K, D)``.
        levels: for each resolution, finest first, the region that each finest one belongs to, int64 ``(K,)``.
        finest: the number of the first of these resolutions.
    """

    centres: Tensor
    levels: tuple[NDArray[np.int64], ...]
    finest: int = 0

    @classmethod
    def drawn(cls, features: Tensor, *, seed: int) -> Regions:
        """Regions of these examples, ``(n, D)``, of which there is at least one."""
        different = len(torch.unique(features, dim=0))
        count, *coarser = resolutions(len(features), different)
        clusters = KMeans(count, n_init=1, random_state=seed).fit(features.numpy())
        centres = clusters.cluster_centers_.astype(np.float32)
        levels = [np.arange(count)]
        for fewer in coarser:
            merged = fcluster(linkage(centres, method="ward"), fewer, criterion="maxclust")
            levels.append(merged.astype(np.int64) - 1)
        return cls(torch.from_numpy(centres), tuple(levels))

    def coarser(self, finest: int) -> Regions:
        """Without the resolutions below this one; the coarsest stays."""
        left_out = min(finest, len(self.levels) - 1)
        return replace(self, levels=self.levels[left_out:], finest=left_out)

    def of(self, features: Tensor) -> NDArray[np.int64]:
        """The region of each example ``(n, D)`` at every resolution, ``(levels, n)``."""
        index = Exact(self.centres.shape[1])
        index.add(self.centres, borrow=True)
        finest = index.query(features).ids[:, 0].numpy()
        return np.stack([level[finest] for level in self.levels])

    def names(self) -> list[tuple[int, int]]:
        """Resolution and number of every region, in the order of :meth:`counts`."""
        numbered = enumerate(self.levels, start=self.finest)
        return [(number, region) for number, level in numbered for region in range(level.max() + 1)]

    def counts(self, where: NDArray[np.int64]) -> NDArray[np.int64]:
        """Examples in every region of all resolutions, from what :meth:`of` says, ``(K,)``."""
        sizes = [level.max() + 1 for level in self.levels]
        return np.concatenate([np.bincount(row, minlength=size) for row, size in zip(where, sizes, strict=True)])


@dataclass(frozen=True, kw_only=True)
class Region(Share):
    """A part of the data with its share among the samples.

    Args:
        id: resolution, 0 the finest, and running number: ``"0-12"``.
        members: the real examples in it, of both parts, by their numbers as of :class:`.view.Example`, most
            under-represented first.
        thin: how many of them, the first ones, have less than the fraction of the samples due around themselves, too:
            what is at the region's edge and well served is not among them.
        label_counts: how many members bear each label, where labels are known.
        typical: of the labels that set it apart from other data, how many times as frequent they are in it.
    """

    id: str
    members: tuple[int, ...]
    thin: int
    label_counts: Mapping[str, int] | None = None
    typical: Mapping[str, float] = field(default_factory=dict)


def compare_regions(
    real: Tensor,
    fake: Tensor,
    drawing: Tensor,
    *,
    finest: int = 0,
    scores: NDArray[np.float64],
    table: Table,
    fraction: float,
    seed: int,
    views: int = 1,
) -> tuple[Region, ...]:
    """Draw regions on one part of the data and test them on the other.

    Args:
        real: features ``(n, D)``.
        fake: the same of samples ``(m, D)``.
        drawing: the rows of ``real`` that draw the regions, int64.
        finest: resolution that is looked at, of those with several.
        scores: minus the log ratio of the densities around each real example, ``(n,)``.
        table: the labels of the real examples.
        fraction: of its share that a region must keep not to be called dropped.
        seed: of the regions.
        views: that are looked in: which labels are typical is corrected for them.

    Returns:
        The regions of all resolutions, the surest losses first.
    """
    regions = Regions.drawn(real[drawing], seed=derive_seed(seed, "regions") % 2**32).coarser(finest)
    others = np.isin(np.arange(len(real)), drawing.numpy(), invert=True)
    ours, theirs = regions.of(real), regions.of(fake)
    held_out, samples = regions.counts(ours[:, others]), regions.counts(theirs)
    shares = compare(held_out, samples, n_real=int(others.sum()), n_fake=len(fake), fraction=fraction)
    worst, found, names = np.argsort(-scores, kind="stable"), [], regions.names()
    borne = _Borne(table, len(real), _counted(table, range(len(real))), views * len(names))
    for row, (level, number) in enumerate(names):
        members = worst[ours[level - regions.finest][worst] == number]
        thin, here = int((scores[members] > -np.log(fraction)).sum()), tuple(members.tolist())
        found.append(Region(**vars(shares[row]), id=f"{level}-{number}", members=here, thin=thin, **borne.by(here)))
    return tuple(sorted(found, key=lambda region: (not region.dropped, region.q_value, region.p_value)))


@dataclass(frozen=True)
class _Borne:
    """Labels of the data, of which some regions hold more.

    Args:
        table: the labels.
        examples: how many there are.
        totals: that bear each label.
        looks: regions of all views that are looked at.
    """

    table: Table
    examples: int
    totals: Mapping[str, int]
    looks: int

    def by(self, members: Sequence[int]) -> dict[str, Any]:
        """What a region of these members holds of them."""
        counts = _counted(self.table, members)
        sizes = {"members": len(members), "examples": self.examples, "tests": self.looks * len(self.totals)}
        return {"label_counts": counts if self.table else None, "typical": typical(counts, self.totals, **sizes)}


def _counted(table: Table, members: Sequence[int]) -> dict[str, int]:
    """How many members bear each label; with several attributes, these are named too."""
    return dict(Counter(_worn(table, members)).most_common())


def _worn(table: Table, members: Sequence[int]) -> Iterator[str]:
    for name, column in table.items():
        yield from (column[i] if len(table) == 1 else f"{name} {column[i]}" for i in members)
