r"""Copied mass: which share of the samples are copies of training examples?

A sample may lie near a training example by chance, as other data do. With a threshold :math:`t` that a share :math:`q`
of held-out data passes, and a share :math:`p` of the samples,

.. math:: p = \pi + (1 - \pi) q \quad\Rightarrow\quad \pi = \frac{p - q}{1 - q}

is the share that passes it for another reason. What must pass is the ratio of a sample's distance to the nearest
training example to its distance to the sixth nearest: **a sample is a copy if it is nearer to one training example than
to the next ones by more than 99% of held-out data are**. A copy is next to one example and as far from the others as
data are, also if it is repeated, or its example has a few twins. What has little variety (blurred, pale, all alike) is
near to the middle of the data, hence to every example, and to none more than to the next: it is no copy. The threshold
is after Meehan et al. 2020; the division by the distances of further neighbours is that of Carlini et al. 2023.

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
NEXT = 6  # the training example that tells how far the others are
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


def copied_of_halves(first: Tensor, second: Tensor, fake: Tensor, alpha: float = 0.05) -> Share:
    """The share of samples ``(m, D)`` that copy either half of the data, ``(n, D)`` each."""
    parts = [excess(copying(a, b), copying(a, fake), alpha) for a, b in ((first, second), (second, first))]
    estimate, low, high = (min(1.0, sum(part[place] for part in parts)) for place in range(3))
    return estimate, low, high


def copying(reference: Tensor, points: Tensor) -> Values:
    """Distance to the nearest reference example over that to the sixth nearest: ``(r, D), (n, D) -> (n,)``."""
    index = Exact(reference.shape[1])
    index.add(reference, borrow=True)
    near = index.query(points, min(NEXT, len(reference))).distances
    return torch.where(near[:, 0] == 0, 0.0, near[:, 0] / near[:, -1]).numpy().astype(np.float64)


def excess(held_out: Values, samples: Values, alpha: float = 0.05) -> Share:
    """Share of samples up to the threshold that is more than chance, with its 1 - alpha interval; nothing is known
    where no data lie beyond it."""
    n, m = len(held_out), len(samples)
    threshold = np.sort(held_out)[max(1, int(TAIL * n)) - 1]
    passed, count = int((held_out <= threshold).sum()), int((samples <= threshold).sum())
    if passed == n:
        return 0.0, 0.0, 1.0
    # a further example of the data is among the first of n with a chance of law Beta(passed, n + 1 - passed)
    chance = (passed / (n + 1), *beta.ppf([alpha / 2, 1 - alpha / 2], passed, n + 1 - passed))
    share = (count / m, *share_interval(count, m, alpha))
    ends = [max(0.0, float((p - q) / (1 - q))) for p, q in zip(share, (chance[0], chance[2], chance[1]), strict=True)]
    return ends[0], ends[1], ends[2]
