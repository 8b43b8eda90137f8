r"""How much of the data has less than a fraction of its samples, and what of that is certain.

With :math:`\rho` the density of the samples over that of the data, the dropped mass is :math:`M = P(\rho < c)`, P the
law of the data and Q that of the samples. Without an assumption on how smooth :math:`\rho` is, no sample bounds M from
above: what is lost may be lost between the examples. From below it is bounded by every set A that was chosen without a
look at the counts, since at most :math:`Q(A) / c` of A can have its samples:

.. math:: M \ge P(A) - Q(A) / c

So one half of data and samples learns where samples are thin, and the other half is counted, each half once. What is
learnt is a score (the ratio by nearest neighbours: Wang, Kulkarni & Verdu 2009)

.. math:: s(x) = \text{mean}_k \log d_k(x, \text{data}) - \log d_k(x, \text{samples})

of the distances to the k-th nearest, and the A = {s <= t} that bounds the most. What is farther from half of the
samples than 99% of the others is such a set, too (:class:`.nearness.Farness`): it sees an edge that neighbours blur.
The counts are bounded by Clopper and Pearson's rule (1934) and alpha is shared among them, so that every bound holds,
and the largest one is given. It cannot see a part that keeps a little less than c: from a ratio of 0.45 it takes a
tenth.

The estimate is what the counts say if :math:`\rho` only rises with s: then its maximum of the likelihood is the
isotonic regression of sides on scores (Ayer et al. 1955).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import beta
from torch import Tensor

from ..core.seeding import stream
from ..metrics.copying import TAIL
from ..search import Exact
from .shares import ALPHA

NEIGHBOURS = (10, 20)
CROWDED = 0.2  # of the samples' density: where the data have less, samples crowd
NEAREST = 1e-30  # a distance whose logarithm is a number

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Mass:
    """A share of the data or of the samples.

    Args:
        estimate: of it.
        ci95: an interval that is rather too wide than too narrow; its upper end is None where nothing bounds it.
    """

    estimate: float
    ci95: tuple[float, float | None]


@dataclass(frozen=True)
class DroppedMass(Mass):
    """Share of the data where samples are thinner than a fraction of what they should be.

    Args:
        shortfall: at least this share of the data's mass is missing among samples, in whatever way: a bound of the
            distance in total variation.
    """

    shortfall: float


@dataclass(frozen=True)
class Scores:
    """Small where samples are thin.

    Args:
        real: of examples, ``(n,)``.
        fake: of samples, ``(m,)``.
    """

    real: Values
    fake: Values


@dataclass(frozen=True)
class Fold:
    """One half as it sees itself, each point without itself, and the other half as the first one sees it."""

    learnt: Scores
    counted: Scores


@dataclass(frozen=True)
class Ratios:
    """Data and samples in two halves, each of which is scored by the other.

    Args:
        folds: the scores.
        samples: which samples each half holds, int64.
    """

    folds: tuple[Fold, Fold]
    samples: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def between(cls, real: Tensor, fake: Tensor, *, seed: int = 0) -> Ratios:
        """Score ``real`` ``(n, D)`` and ``fake`` ``(m, D)``, of at least four each; the seed halves them."""
        ours, theirs = (_halved(len(side), seed, name) for name, side in (("real", real), ("fake", fake)))
        first, second = (Half(real[r], fake[f]) for r, f in zip(ours, theirs, strict=True))
        return cls((_fold(first, second), _fold(second, first)), (theirs[0].numpy(), theirs[1].numpy()))

    def only(self, wanted: NDArray[np.bool_]) -> Ratios:
        """Count these samples alone, ``(m,)``; the scores are learnt by all of them."""
        first, second = (wanted[rows] for rows in self.samples)
        folds = zip(self.folds, ((first, second), (second, first)), strict=True)
        kept = [Fold(_only(fold.learnt, ours), _only(fold.counted, theirs)) for fold, (ours, theirs) in folds]
        return Ratios((kept[0], kept[1]), (self.samples[0][first], self.samples[1][second]))

    def reversed(self) -> Ratios:
        """Of the data over the samples: small where data are thin."""
        first, second = (Fold(_reversed(fold.learnt), _reversed(fold.counted)) for fold in self.folds)
        return Ratios((first, second), self.samples)


def thin_mass(ratios: Ratios, *, fraction: float, alpha: float = ALPHA) -> Mass:
    """Share of the data where samples have less than this fraction of their density.

    Returns:
        Its estimate, and an interval whose lower end is above it with a chance of at most ``alpha``, whatever the
        laws; nothing bounds it from above.
    """
    low = _at_least(ratios, fraction, alpha)
    estimate = float(np.mean([_estimated(fold.counted, fraction) for fold in ratios.folds]))
    return Mass(max(estimate, low), (low, None))


def dropped_mass(ratios: Ratios, outer: Scores, *, fraction: float = 0.5, alpha: float = ALPHA) -> DroppedMass:
    """The dropped mass, by two kinds of sets: where samples are thin by the scores, and what is far from all of them.

    Args:
        ratios: between data and samples.
        outer: minus how far all data, and one half of the samples, are from the other half.
        fraction: of the density that a generator should reach.
        alpha: chance that the lower end of the interval is above the truth, and chance that the shortfall is.
    """
    thin = thin_mass(ratios, fraction=fraction, alpha=alpha * 2 / 3)
    far = _far_mass(outer, fraction, alpha / 3)
    low = max(thin.ci95[0], far.ci95[0])
    return DroppedMass(max(thin.estimate, far.estimate), (low, None), _at_least(ratios, 1.0, alpha))


def _far_mass(outer: Scores, fraction: float, alpha: float) -> Mass:
    """P(A) - Q(A) / c of what is farther than all but a hundredth of the samples counted are."""
    n, m = len(outer.real), len(outer.fake)
    threshold = np.sort(outer.fake)[max(1, int(TAIL * m)) - 1]
    r, f = int((outer.real <= threshold).sum()), int((outer.fake <= threshold).sum())
    low = beta.ppf(alpha / 2, r, n - r + 1) if r else 0.0
    high = beta.ppf(1 - alpha / 2, f, m + 1 - f)  # of a threshold that is the f-th of m (Wilks 1941)
    return Mass(max(0.0, r / n - f / (m + 1) / fraction), (max(0.0, float(low - high / fraction)), None))


@dataclass(frozen=True)
class Half:
    """Half of the data ``(n, D)`` and of the samples ``(m, D)``."""

    real: Tensor
    fake: Tensor


def _halved(count: int, seed: int, name: str) -> tuple[Tensor, Tensor]:
    order = torch.randperm(count, generator=stream(seed, f"half of {name}"))
    return order[: count // 2], order[count // 2 :]


def _fold(ours: Half, theirs: Half) -> Fold:
    most = max(1, min(len(ours.real), len(ours.fake)) // 4)
    ks = sorted({min(k, most) for k in NEIGHBOURS})
    further = [k + 1 for k in ks]  # the nearest of a point that is in the index is itself
    data, samples = _index(ours.real), _index(ours.fake)
    real = _log_distances(data, ours.real, further) - _log_distances(samples, ours.real, ks)
    fake = _log_distances(data, ours.fake, ks) - _log_distances(samples, ours.fake, further)
    outside = (
        _log_distances(data, side, ks) - _log_distances(samples, side, ks) for side in (theirs.real, theirs.fake)
    )
    return Fold(Scores(real, fake), Scores(*outside))


def _index(points: Tensor) -> Exact:
    index = Exact(points.shape[1])
    index.add(points, borrow=True)
    return index


def _log_distances(index: Exact, points: Tensor, ks: list[int]) -> Values:
    """Mean logarithm of the distances to the k-th nearest, ``(n,)``."""
    distances = index.query(points, ks[-1]).distances[:, [k - 1 for k in ks]]
    values: Values = distances.double().clamp_min(NEAREST).log().mean(1).numpy()
    return values


def _only(scores: Scores, wanted: NDArray[np.bool_]) -> Scores:
    return Scores(scores.real, scores.fake[wanted])


def _reversed(scores: Scores) -> Scores:
    return Scores(-scores.fake, -scores.real)


def _at_least(ratios: Ratios, fraction: float, alpha: float) -> float:
    """The larger bound of the two halves, by what lies up to the threshold that is best for the half that learns."""
    found = [0.0]
    for fold in ratios.folds:
        thresholds = np.unique(fold.learnt.real)
        best = thresholds[_bounds(fold.learnt, thresholds, fraction, alpha / 4).argmax()]
        found.append(float(_bounds(fold.counted, best[None], fraction, alpha / 4)[0]))
    return max(found)


def _bounds(scores: Scores, thresholds: Values, fraction: float, alpha: float) -> Values:
    """P(A) - Q(A) / c, each at its worst, for what lies up to each threshold, ``(T,)``."""
    n, m = len(scores.real), len(scores.fake)
    r, f = (np.searchsorted(np.sort(side), thresholds, "right") for side in (scores.real, scores.fake))
    low = np.where(r > 0, beta.ppf(alpha, np.maximum(r, 1), n - r + 1), 0.0)
    high = np.where(f < m, beta.ppf(1 - alpha, f + 1, np.maximum(m - f, 1)), 1.0)
    bounds: Values = low - high / fraction
    return bounds


def _estimated(scores: Scores, fraction: float) -> float:
    """Share of the data at whose score the ratio is below the fraction."""
    both = np.concatenate([scores.real, scores.fake])
    _, place = np.unique(both, return_inverse=True)
    n, m = len(scores.real), len(scores.fake)
    real = np.bincount(place[:n], minlength=place.max() + 1).astype(np.float64)
    fake = np.bincount(place[n:], minlength=place.max() + 1)
    share = isotonic_regression(fake / (real + fake), weights=real + fake).x
    return float(real[share * n < fraction * m * (1 - share)].sum() / n)
