r"""Number of statistically different bins (Richardson & Weiss 2018, section 4).

The data are binned by k-means; in every bin a two-proportion test asks whether data and samples have equal shares.
The published count corrects for nothing: of 100 bins 5 differ by chance. So the count after Benjamini and Hochberg's
correction is beside it, and the Jensen-Shannon divergence of the shares. All features are used, never some of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control, norm
from sklearn.cluster import KMeans

from ..core.records import Score
from .unit import in_own_unit
from .usable import usable, usable_count, usable_pair

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]


def ndb(real: ArrayLike, fake: ArrayLike, *, bins: int = 100, alpha: float = 0.05, seed: int = 0) -> Score:
    """Share of the bins that differ (NDB / K).

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        bins: K.
        alpha: level of the tests.
        seed: of k-means.

    Returns:
        Score; detail: the bins that differ and those that still do after correction, those with too few samples
        (``dropped``), the shares, ``jensen_shannon`` in nats, and the share expected by chance.

    Raises:
        ValueError: fewer real examples than bins, no bins, a level outside of 0 to 1, NaN, or different dimensions.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    data, samples = (
        x.numpy() for x in in_own_unit(*usable_pair(usable(real, "real", least=usable_count(bins, "bins")), fake))
    )
    clusters = KMeans(bins, n_init=1, random_state=seed).fit(data)
    n, m = len(data), len(samples)
    first, second = (np.bincount(each, minlength=bins) for each in (clusters.labels_, clusters.predict(samples)))
    p, q = first / n, second / m
    p_values = _two_proportions(first, second, n, m)
    different, sure = p_values < alpha, false_discovery_control(p_values) < alpha
    detail = {
        "different": np.flatnonzero(different).tolist(),
        "after_correction": np.flatnonzero(sure).tolist(),
        "dropped": np.flatnonzero(sure & (q < p)).tolist(),
        "real_shares": p.tolist(),
        "fake_shares": q.tolist(),
        "jensen_shannon": (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2)) / 2,
        "by_chance": alpha,
    }
    few = min(n, m) / bins
    warnings = () if few >= 10 else (f"Only {few:.0f} examples a bin: the test of proportions is rough.",)
    return Score("ndb", float(different.mean()), None, n, m, {"bins": bins, "seed": seed}, detail, warnings)


def _two_proportions(first: Counts, second: Counts, n: int, m: int) -> Shares:
    """Two-sided p-value of each bin; 1 where a bin holds all of both or none."""
    pooled = (first + second) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = np.divide(np.abs(first / n - second / m), error, out=np.zeros(len(first)), where=error > 0)
    p_values: Shares = 2 * norm.sf(z)
    return p_values


def _kl(p: Shares, q: Shares) -> float:
    seen = p > 0
    return float((p[seen] * np.log(p[seen] / q[seen])).sum())
