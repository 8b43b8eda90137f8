r"""Samples that are nearer to the data, or farther from it, than other data are.

Both questions compare samples with the half of the data that was held out from the other half, the reference. With a
threshold :math:`t` that a share :math:`q` of the held-out data passes, and a share :math:`p` of the samples,

.. math:: p = \pi + (1 - \pi) q \quad\Rightarrow\quad \pi = \frac{p - q}{1 - q}

is the share of samples that pass it for another reason than chance.

* **Copied**: the distance to the nearest reference example over that example's distance to its own nearest neighbour.
  A copy has next to none. Either half is the reference once, and what is copied of the two is added (the ratio is that
  of the authenticity score, Alaa et al. 2022; the comparison with held-out data is that of Meehan et al. 2020).
* **Invented**: the least distance to a reference example over the radius of that example's neighbourhood (one over the
  realism score, Kynkaanniemi et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta
from torch import Tensor

from ..metrics.neighbourhood import share_interval
from ..search import Exact

TAIL = 0.01  # of the held-out data pass the threshold
NEIGHBOURS = 10  # reference examples whose neighbourhoods are looked at
RADIUS = 5  # neighbours in a neighbourhood

Values = NDArray[np.float64]


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
    first, second = _halves(real, half)
    parts = [_excess(_copying(a, b), _copying(a, fake)) for a, b in ((first, second), (second, first))]
    low, high = (sum(part.ci95[end] for part in parts) for end in (0, 1))
    return Mass(min(1.0, sum(part.estimate for part in parts)), (low, min(1.0, high)))


def invented_mass(real: Tensor, fake: Tensor, half: Tensor) -> Mass:
    """Share of the samples that are far from all data; arguments as in :func:`copied_mass`."""
    first, second = _halves(real, half)
    return _excess(-_distance(first, second), -_distance(first, fake))


def _halves(real: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    others = torch.ones(len(real), dtype=torch.bool)
    others[half] = False
    return real[half], real[others]


def _copying(reference: Tensor, points: Tensor) -> Values:
    """Distance to the nearest reference example, over that example's to its nearest, ``(n,)``."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    own = index.query(reference, 2).distances[:, 1]
    near = index.query(points)
    ratio = near.distances[:, 0] / own[near.ids[:, 0]]
    return torch.where(near.distances[:, 0] == 0, 0.0, ratio).numpy().astype(np.float64)


def _distance(reference: Tensor, points: Tensor) -> Values:
    """Least distance to a reference example over the radius of its neighbourhood, ``(n,)``."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    radius = index.query(reference, min(RADIUS + 1, len(reference))).distances[:, -1]
    near = index.query(points, min(NEIGHBOURS, len(reference)))
    ratio = near.distances / radius[near.ids].clamp_min(1e-12)
    return ratio.min(1).values.numpy().astype(np.float64)


def _excess(held_out: Values, samples: Values) -> Mass:
    """Share of samples up to the threshold that is more than chance."""
    n, m = len(held_out), len(samples)
    threshold = np.sort(held_out)[max(1, int(TAIL * n)) - 1]
    passed, count = int((held_out <= threshold).sum()), int((samples <= threshold).sum())
    # a further example of the data is among the first of n with a chance of law Beta(passed, n + 1 - passed)
    chance = (passed / (n + 1), *beta.ppf([0.025, 0.975], passed, n + 1 - passed))
    share = (count / m, *share_interval(count, m))
    ends = [max(0.0, float((p - q) / (1 - q))) for p, q in zip(share, (chance[0], chance[2], chance[1]), strict=True)]
    return Mass(ends[0], (ends[1], ends[2]))
