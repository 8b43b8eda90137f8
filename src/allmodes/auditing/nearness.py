"""Samples that are nearer to the data, or farther from it, than other data are.

Both questions compare samples with the half of the data that was held out from the other half, the reference: see
:mod:`allmodes.metrics.copying`, which has the arithmetic.

* **Copied**: the distance to the nearest reference example over that to the sixth nearest. Either half is the reference
  once, and what is copied of the two is added.
* **Invented**: the least distance to a reference example over the radius of that example's neighbourhood (one over the
  realism score, Kynkaanniemi et al. 2019), or how far it is beyond the ends of the reference in any one component,
  against which many others are silent in the distance; each over what 99% of held-out data do not pass, the larger of
  both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..metrics.copying import TAIL, Values, copied_of_halves, excess
from ..search import Exact
from .ratios import Mass
from .shares import ALPHA

NEIGHBOURS = 10  # reference examples whose neighbourhoods are looked at
RADIUS = 5  # neighbours in a neighbourhood
TINY = 1e-12


def copied_mass(real: Tensor, fake: Tensor, half: Tensor, *, alpha: float = ALPHA) -> Mass:
    """Share of the samples that copy an example of the data.

    Args:
        real: features ``(n, D)``.
        fake: features of samples ``(m, D)``.
        half: which rows of ``real`` are the one half, int64 ``(n // 2,)``.
        alpha: chance that the interval does not hold the truth.
    """
    estimate, low, high = copied_of_halves(*_halves(real, half), fake, alpha)
    return Mass(estimate, (low, high))


@dataclass(frozen=True)
class Farness:
    """How far held-out data and samples are from the other half of the data.

    Args:
        held_out: of the data, ``(n - n // 2,)``; 1 is what about 99% of them do not pass.
        samples: ``(m,)``.
    """

    held_out: Values
    samples: Values

    @classmethod
    def of(cls, real: Tensor, fake: Tensor, half: Tensor) -> Farness:
        """Arguments as in :func:`copied_mass`."""
        reference, others = _halves(real, half)
        ways = [[measure(reference, side) for side in (others, fake)] for measure in (_distance, _beyond)]
        edges = [max(float(np.quantile(held_out, 1 - TAIL)), TINY) for held_out, _ in ways]
        held_out, samples = (
            np.maximum(*(way[side] / e for way, e in zip(ways, edges, strict=True))) for side in (0, 1)
        )
        return cls(held_out, samples)

    def mass(self, alpha: float = ALPHA) -> Mass:
        """Share of the samples that are far from all data, with its 1 - alpha interval."""
        estimate, low, high = excess(-self.held_out, -self.samples, alpha)
        return Mass(estimate, (low, high))

    def near(self) -> NDArray[np.bool_]:
        """The samples that are no farther than every held-out example is, ``(m,)``."""
        within: NDArray[np.bool_] = self.samples <= self.held_out.max()
        return within


def invented_mass(real: Tensor, fake: Tensor, half: Tensor) -> Mass:
    """Share of the samples that are far from all data; arguments as in :func:`copied_mass`."""
    return Farness.of(real, fake, half).mass()


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
    ratio = near.distances / radius[near.ids].clamp_min(TINY)
    return ratio.min(1).values.numpy().astype(np.float64)


def _beyond(reference: Tensor, points: Tensor) -> Values:
    """The farthest from the middle of the reference in any component, 1 being its ends, ``(n,)``."""
    low, high = reference.aminmax(dim=0)
    ratio = (points - (low + high) / 2).abs() / ((high - low) / 2).clamp_min(TINY)
    return ratio.max(1).values.numpy().astype(np.float64)
