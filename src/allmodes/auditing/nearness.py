"""Samples that are nearer to the data, or farther from it, than other data are.

Both questions compare samples with the half of the data that was held out from the other half, the reference: see
:mod:`allmodes.metrics.copying`, which has the arithmetic.

* **Copied**: the distance to the nearest reference example over that to the sixth nearest. Either half is the reference
  once, and what is copied of the two is added.
* **Invented**: the farthest of four ways to be far, each from the middle of held-out data and over what 99% of them do
  not pass.

  - *Distance*: the least one to a reference example over the radius of that example's neighbourhood (one over the
    realism score, Kynkaanniemi et al. 2019), whose widest hundredth is left out: an outlier is no place where data are.
  - *Contrast*: the distance to the fifth nearest over the middle one. Among data the nearest are much nearer than most;
    in the hollow of a sphere all are equally far (relative contrast, Beyer et al. 1999).
  - *Ends*: how far beyond those of the reference in any one component, against which many others are silent in the
    distance; once as they are and once along the principal axes of all, where a small shift of all components adds up.
"""

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
MIDDLE = 500  # reference examples that the middle distance is taken of
END = TAIL / 4  # of the reference beyond either of its ends: one example of hundreds does not move them
BLOCK = 10_000  # examples whose distances are in memory at once
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
        held_out: of the data, ``(n - n // 2,)``; 1 is what about 99% of them do not pass in any one way.
        samples: ``(m,)``.
    """

    held_out: Values
    samples: Values

    @classmethod
    def of(cls, real: Tensor, fake: Tensor, half: Tensor) -> Farness:
        """Arguments as in :func:`copied_mass`."""
        reference, others = _halves(real, half)
        whole, turned = (reference, others, fake), _turned(reference, others, fake)
        ways = [
            measure(*sides)
            for measure, sides in ((_distance, whole), (_contrast, whole), (_beyond, whole), (_beyond, turned))
        ]
        held_out, samples = (np.maximum.reduce(way) for way in zip(*(_standard(*way) for way in ways), strict=True))
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


def _standard(held_out: Values, samples: Values) -> tuple[Values, Values]:
    """Both from the middle of what is held out, 1 being what 99% of it do not pass."""
    middle, edge = np.quantile(held_out, [0.5, 1 - TAIL])
    unit = max(float(edge - middle), TINY)
    return (held_out - middle) / unit, (samples - middle) / unit


def _distance(reference: Tensor, *sides: Tensor) -> list[Values]:
    """Least distance to a reference example over the radius of its neighbourhood, ``(n,)`` for each side."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    radius = index.query(reference, min(RADIUS + 1, len(reference))).distances[:, -1]
    inner = radius <= float(np.quantile(radius.numpy(), 1 - TAIL))
    index = Exact(reference.shape[1])
    index.add(reference[inner], borrow=True)
    radius = radius[inner].clamp_min(TINY)
    near = [index.query(side, min(NEIGHBOURS, len(radius))) for side in sides]
    return [_values((found.distances / radius[found.ids]).min(1).values) for found in near]


def _contrast(reference: Tensor, *sides: Tensor) -> list[Values]:
    """Distance to the fifth nearest of the reference over the middle one, ``(n,)`` for each side."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    some = reference[:MIDDLE]
    near = [index.query(side, min(RADIUS, len(reference))).distances[:, -1] for side in sides]
    middle = [
        torch.cat([torch.cdist(part, some).median(1).values for part in torch.split(side, BLOCK)]) for side in sides
    ]
    return [_values(first / second.clamp_min(TINY)) for first, second in zip(near, middle, strict=True)]


def _beyond(reference: Tensor, *sides: Tensor) -> list[Values]:
    """The farthest from the middle of the reference in any component, 1 being its ends, ``(n,)`` for each side."""
    low, high = torch.from_numpy(np.quantile(reference.numpy(), [END, 1 - END], axis=0)).float()
    middle, half = (low + high) / 2, ((high - low) / 2).clamp_min(TINY)
    return [_values(((side - middle).abs() / half).max(1).values) for side in sides]


def _turned(*sides: Tensor) -> list[Tensor]:
    """All in the principal axes of all."""
    whole = torch.cat(sides).double()
    axes = torch.linalg.eigh(whole.T.cov())[1] if whole.shape[1] > 1 else torch.ones(1, 1).double()
    return [side @ axes.float() for side in sides]


def _values(found: Tensor) -> Values:
    values: Values = found.numpy().astype(np.float64)
    return values
