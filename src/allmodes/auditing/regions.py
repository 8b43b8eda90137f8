"""Parts of the data: regions of feature space, at several resolutions.

k-means on one half of the real data draws the finest regions; merging those whose union is tightest (Ward 1963) gives
the coarser ones. Counts in the other half and among samples do not depend on how the regions were drawn, so tests on
them keep their level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import KMeans
from torch import Tensor

from ..search import Exact

PER_REGION = 10  # examples of the half that draws them, on average, in a region of the finest resolution
MOST = 500  # regions of the finest resolution
COARSER = 3  # times fewer regions at each further resolution
FEWEST = 4


@dataclass(frozen=True)
class Regions:
    """Nested partitions of feature space.

    Args:
        centres: of the finest regions, float32 ``(K, D)``.
        levels: for each resolution, finest first, the region that each finest one belongs to, int64 ``(K,)``.
    """

    centres: Tensor
    levels: tuple[NDArray[np.int64], ...]

    @classmethod
    def drawn(cls, features: Tensor, *, seed: int) -> Regions:
        """Regions of these examples, ``(n, D)``, of which there is at least one."""
        different = len(torch.unique(features, dim=0))
        count = min(max(len(features) // PER_REGION, 1), MOST, different)
        clusters = KMeans(count, n_init=1, random_state=seed).fit(features.numpy())
        centres = clusters.cluster_centers_.astype(np.float32)
        levels = [np.arange(count)]
        while (coarser := count // COARSER ** len(levels)) >= FEWEST:
            merged = fcluster(linkage(centres, method="ward"), coarser, criterion="maxclust")
            levels.append(merged.astype(np.int64) - 1)
        return cls(torch.from_numpy(centres), tuple(levels))

    def of(self, features: Tensor) -> NDArray[np.int64]:
        """The region of each example ``(n, D)`` at every resolution, ``(levels, n)``."""
        index = Exact(self.centres.shape[1])
        index.add(self.centres, borrow=True)
        finest = index.query(features).ids[:, 0].numpy()
        return np.stack([level[finest] for level in self.levels])
