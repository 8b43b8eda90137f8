"""Methods of others that say which of the data samples lack, small and by their papers, to hold beside the audit.

Each ranks the data ``(n, D)`` by what samples ``(m, D)`` lack, and says whether something is missing, if it has a rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, false_discovery_control, norm
from sklearn.cluster import KMeans
from torch import Tensor

from ..core.seeding import stream
from ..search import Exact

ALPHA = 0.05
WAVES = 500  # random frequencies; two features each
MODES = 10  # directions that FINC looks at
CELLS, DRAWS = 100, 10  # of PQMass

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Ranked:
    """What a method says.

    Args:
        scores: of the data, large where samples lack something, ``(n,)``.
        missing: whether something is missing; None where the method has no rule for it.
        strength: large where much is missing: what a rule could be made of.
    """

    scores: Values
    missing: bool | None
    strength: float


def finc(real: Tensor, fake: Tensor, seed: int) -> Ranked:
    """FINC (Zhang et al. 2024, arXiv:2405.02700; KEN, arXiv:2402.17287, by random Fourier features).

    Directions in which the kernel covariance of the data is larger than that of the samples; an example is ranked by
    how much of it lies there. The width of the Gaussian kernel is the middle distance of the data.
    """
    width = torch.pdist(real[:500]).median().clamp_min(1e-12)
    waves = torch.randn(real.shape[1], WAVES, generator=stream(seed, "waves")) / width
    ours, theirs = (_fourier(side, waves) for side in (real, fake))
    values, ways = torch.linalg.eigh(ours.T @ ours / len(ours) - theirs.T @ theirs / len(theirs))
    values, ways = values[-MODES:].clamp_min(0), ways[:, -MODES:]
    scores: Values = ((ours @ ways).square() @ values).double().numpy()
    return Ranked(scores, None, float(values[-1]))


def bins(real: Tensor, fake: Tensor, seed: int, *, corrected: bool = False) -> Ranked:
    """NDB (Richardson & Weiss 2018): bins by k-means, and in each a test of two proportions at 5%.

    An example is ranked by the statistic of its bin. Something is missing if any bin has too few samples: as published,
    or after Benjamini and Hochberg's correction.
    """
    count = min(CELLS, len(real) // 10)
    clusters = KMeans(count, n_init=1, random_state=seed).fit(real.numpy())
    n, m = len(real), len(fake)
    p = np.bincount(clusters.labels_, minlength=count) / n
    q = np.bincount(clusters.predict(fake.numpy()), minlength=count) / m
    whole = (n * p + m * q) / (n + m)
    lack = (p - q) / np.sqrt(whole * (1 - whole) * (1 / n + 1 / m))
    p_values = 2 * norm.sf(np.abs(lack))
    different = (false_discovery_control(p_values) if corrected else p_values) < ALPHA
    return Ranked(lack[clusters.labels_], bool((different & (lack > 0)).any()), float(lack.max()))


def pqmass(real: Tensor, fake: Tensor, seed: int) -> Ranked:
    """PQMass (Lemos et al. 2024, arXiv:2402.04355): counts in the Voronoi cells of points drawn from both sides.

    Their chi-squared test, of the first draw alone so that its level is 5%, says that both differ in any way. An
    example is ranked by what its cells lack, in standard deviations, on average over draws.
    """
    both = torch.cat([real, fake])
    count = min(CELLS, len(real) // 10)
    scores, strength, missing = np.zeros(len(real)), 0.0, False
    for draw in range(DRAWS):
        centres = both[torch.randperm(len(both), generator=stream(seed, f"cells {draw}"))[:count]]
        index = Exact(real.shape[1])
        index.add(centres)
        ours, theirs = (index.query(side, 1).ids[:, 0].numpy() for side in (real, fake))
        table = np.stack([np.bincount(cells, minlength=count) for cells in (ours, theirs)])
        kept = table.sum(0) > 0
        tested = chi2_contingency(table[:, kept], correction=False)
        if draw == 0:
            missing, strength = bool(tested.pvalue <= ALPHA), float(tested.statistic)
        lack = np.zeros(count)
        lack[kept] = ((table[:, kept] - tested.expected_freq) / np.sqrt(tested.expected_freq))[0]
        scores += lack[ours] / DRAWS
    return Ranked(scores, missing, strength)


def _fourier(points: Tensor, waves: Tensor) -> Tensor:
    angles = points @ waves
    features: Tensor = torch.cat([angles.cos(), angles.sin()], dim=1) / WAVES**0.5
    return features
