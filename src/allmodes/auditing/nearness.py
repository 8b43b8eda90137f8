"""Samples that are nearer to the data, or farther from it, than other data are.

Both questions compare samples with the half of the data that was held out from the other half, the reference: see
:mod:`allmodes.metrics.copying`, which has the arithmetic.

* **Copied**: the distance to the nearest reference example over that example's distance to its own nearest neighbour.
  Either half is the reference once, and what is copied of the two is added.
* **Invented**: the least distance to a reference example over the radius of that example's neighbourhood (one over the
  realism score, Kynkaanniemi et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..metrics.copying import Values, copied_of_halves, excess
from ..search import Exact

NEIGHBOURS = 10  # reference examples whose neighbourhoods are looked at
RADIUS = 5  # neighbours in a neighbourhood


@dataclass(frozen=True)
class Mass:
    """A share of the samples.

    Args:
        estimate: of it.
        ci95: an interval that is rather too wide than too narrow.
    """

    estimate: float
    ci95: tuple[float, float]


def copied_mass(real: Tensor, fake: Tensor, half: Tensor) -> Mass:
    """Share of the samples that copy an example of the data.

    Args:
        real: features ``(n, D)``.
        fake: features of samples ``(m, D)``.
        half: which rows of ``real`` are the one half, int64 ``(n // 2,)``.
    """
    estimate, low, high = copied_of_halves(*_halves(real, half), fake)
    return Mass(estimate, (low, high))


def invented_mass(real: Tensor, fake: Tensor, half: Tensor) -> Mass:
    """Share of the samples that are far from all data; arguments as in :func:`copied_mass`."""
    first, second = _halves(real, half)
    estimate, low, high = excess(-_distance(first, second), -_distance(first, fake))
    return Mass(estimate, (low, high))


def _halves(real: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    others = torch.ones(len(real), dtype=torch.bool)
    others[half] = False
    return real[half], real[others]


def _distance(reference: Tensor, points: Tensor) -> Values:
    """Least distance to a reference example over the radius of its neighbourhood, ``(n,)``."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    radius = index.query(reference, min(RADIUS + 1, len(reference))).distances[:, -1]
    near = index.query(points, min(NEIGHBOURS, len(reference)))
    ratio = near.distances / radius[near.ids].clamp_min(1e-12)
    return ratio.min(1).values.numpy().astype(np.float64)
