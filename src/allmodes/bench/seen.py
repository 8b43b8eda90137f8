"""A pool of images as audits see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..auditing import Findings, Sides, Space, audit_spaces, open_examples
from ..auditing.views import choose
from .planted import Planted, Pool, Spoil


class Seen:
    """A pool in one feature space, or in several that are the views of one audit, worked out once for all splits.

    Args:
        pool: of images.
        space: the distance's name, several, separated by commas, or ``"auto"``.
    """

    def __init__(self, pool: Pool, space: str) -> None:
        self.pool = pool
        self._distances = choose(space, open_examples(pool.images[:1].permute(0, 2, 3, 1))).distances
        self.space = ", ".join(distance.name for distance in self._distances)
        self._features: dict[Spoil | None, list[Tensor]] = {}

    def audit(self, planted: Planted, metrics: Sequence[str], seed: int) -> Findings:
        """Audit the samples, in all views."""
        real, fake = self.features(planted.real), self.features(planted.fake, planted.spoil)
        if planted.pose is not None:
            posed = self.features(planted.real[planted.lost], planted.pose)
            for features, mine in zip(real, posed, strict=True):
                features[torch.from_numpy(planted.lost)] = mine
        named = zip(self._distances, real, fake, strict=True)
        spaces = [Space(each.name, each.fingerprint(), Sides(mine, theirs)) for each, mine, theirs in named]
        data, samples = (open_examples(side[0]) for side in (real, fake))
        table = {"label": [str(label) for label in planted.labels.tolist()]}
        return audit_spaces(data, samples, spaces, views=len(spaces), table=table, metrics=metrics, seed=seed)

    def features(self, rows: NDArray[np.int64], spoil: Spoil | None = None) -> list[Tensor]:
        """These rows in every view, as they are or spoilt, ``(n, D)``."""
        if spoil not in self._features:
            images = self.pool.images if spoil is None else spoil(self.pool.images)
            pages = open_examples(images.permute(0, 2, 3, 1))
            self._features[spoil] = [pages.embedded(distance) for distance in self._distances]
        return [features[torch.from_numpy(rows)] for features in self._features[spoil]]
