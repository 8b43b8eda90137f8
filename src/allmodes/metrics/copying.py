r"""Copied mass: which share of the samples are copies of training examples?

A sample may lie near a training example by chance, as other data do. With a threshold :math:`t` that a share :math:`q`
of held-out data passes, and a share :math:`p` of the samples,

.. math:: p = \pi + (1 - \pi) q \quad\Rightarrow\quad \pi = \frac{p - q}{1 - q}

is the share that passes it for another reason. What must pass is the ratio of the distance to the nearest training
example to that example's distance to its own nearest neighbour, next to none for a copy (the ratio is that of the
authenticity score, Alaa et al. 2022; the comparison with held-out data is that of Meehan et al. 2020).

Where nothing was held out, either half of the training examples is held against the other, and what is copied of the
two is added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta
from torch import Tensor

from ..core.records import Score
from ..core.seeding import stream
from ..search import Exact
from .neighbourhood import Features, share_interval

TAIL = 0.01  # of the held-out data pass the threshold
FEW = 100  # held-out examples below which even none that pass leave more than 4% to chance

Values = NDArray[np.float64]
Share = tuple[float, float, float]  # estimate, and the ends of its interval


def copied_mass(train: ArrayLike, fake: ArrayLike, heldout: ArrayLike | None = None, *, seed: int = 0) -> Score:
    """Share of the samples that copy a training example.

    Args:
        train: ``(n, D)``.
        fake: ``(m, D)``.
        heldout: ``(h, D)``, real examples that were not trained on; without them the training examples are halved.
        seed: of the halves.

    Returns:
        Score; the interval is rather too wide than too narrow.

    Raises:
        ValueError: fewer than two examples of any (four to halve), NaN, or different dimensions.
    """
    both = Features.of(train, fake, ("train", "fake"), least=2 if heldout is not None else 4)
    warnings: tuple[str, ...] = ()
    certificate: dict[str, Any]
    if heldout is not None:
        theirs = Features.of(train, heldout, ("train", "heldout")).fake
        estimate, low, high = excess(copying(both.real, theirs), copying(both.real, both.fake))
        certificate = {"baseline": f"{len(theirs):,} held-out examples"}
        if len(theirs) < FEW:
            warnings = (f"Only {len(theirs)} held-out examples: the interval of the copied mass is wide.",)
    else:
        order = torch.randperm(len(both.real), generator=stream(seed, "halves"))
        first, second = both.real[order[: len(order) // 2]], both.real[order[len(order) // 2 :]]
        estimate, low, high = copied_of_halves(first, second, both.fake)
        certificate = {"baseline": "either half of the training examples for the other", "seed": seed}
    sizes = (len(both.real), len(both.fake))
    return Score("copied_mass", estimate, (low, high), *sizes, certificate, warnings=warnings)


def copied_of_halves(first: Tensor, second: Tensor, fake: Tensor) -> Share:
    """The share of samples ``(m, D)`` that copy either half of the data, ``(n, D)`` each."""
    parts = [excess(copying(a, b), copying(a, fake)) for a, b in ((first, second), (second, first))]
    estimate, low, high = (sum(part[place] for part in parts) for place in range(3))
    return min(1.0, estimate), low, min(1.0, high)


def copying(reference: Tensor, points: Tensor) -> Values:
    """Distance to the nearest reference example, over that example's to its nearest: ``(r, D), (n, D) -> (n,)``."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    own = index.query(reference, 2).distances[:, 1]
    near = index.query(points)
    ratio = near.distances[:, 0] / own[near.ids[:, 0]]
    return torch.where(near.distances[:, 0] == 0, 0.0, ratio).numpy().astype(np.float64)


def excess(held_out: Values, samples: Values) -> Share:
    """Share of samples up to the threshold that is more than chance."""
    n, m = len(held_out), len(samples)
    threshold = np.sort(held_out)[max(1, int(TAIL * n)) - 1]
    passed, count = int((held_out <= threshold).sum()), int((samples <= threshold).sum())
    # a further example of the data is among the first of n with a chance of law Beta(passed, n + 1 - passed)
    chance = (passed / (n + 1), *beta.ppf([0.025, 0.975], passed, n + 1 - passed))
    share = (count / m, *share_interval(count, m))
    ends = [max(0.0, float((p - q) / (1 - q))) for p, q in zip(share, (chance[0], chance[2], chance[1]), strict=True)]
    return ends[0], ends[1], ends[2]
