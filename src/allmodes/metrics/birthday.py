r"""Support size by the birthday paradox (Arora & Zhang 2018; Arora, Risteski & Zhang 2018).

Of n samples from s equally likely outcomes, :math:`\binom{n}{2} / s` pairs coincide. So near-duplicates, counted over
all pairs, estimate how many different samples a generator makes; the published test looks for the batch size at which
a person finds the first pair. What counts as a duplicate is decided by real data: pairs nearer than all but a given
share of real examples are to their nearest neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from ..core.records import Score
from .neighbourhood import near_pairs, radii
from .usable import usable_pair


def support_size(real: ArrayLike, fake: ArrayLike, *, share: float = 0.05, threshold: float | None = None) -> Score:
    """Number of different samples that the generator seems to make.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        share: of real examples whose nearest neighbour is nearer than a duplicate.
        threshold: distance of duplicates, in place of ``share``.

    Returns:
        Score: ``m (m - 1) / 2`` over the number of duplicate pairs, infinite where there is none, with the exact
        Poisson interval of the count (pairs are not quite independent); detail: ``duplicates``, ``threshold``, and
        ``real``, the same figure for the real examples.

    Raises:
        ValueError: fewer than two examples, NaN, different dimensions, or a share or threshold out of range.
    """
    for name, given, most in (("share", share, 1.0), ("threshold", threshold, float("inf"))):
        if given is not None and not 0 <= given <= most:
            raise ValueError(f"{name} must lie between 0 and {most:g}, not {given}")
    data, samples = usable_pair(real, fake)
    bound = float(np.quantile(radii(data, 1).numpy(), share)) if threshold is None else threshold
    pairs, reference = near_pairs(samples, bound), near_pairs(data, bound)
    n, m = len(data), len(samples)
    total = m * (m - 1) / 2
    low, high = chi2.ppf(0.025, 2 * pairs) / 2 if pairs else 0.0, chi2.ppf(0.975, 2 * pairs + 2) / 2
    interval = (total / high, total / low if low else float("inf"))
    detail = {
        "duplicates": pairs,
        "threshold": bound,
        "real": n * (n - 1) / 2 / reference if reference else float("inf"),
    }
    warnings = () if pairs >= 10 else (f"Only {pairs} duplicate pairs: more samples are needed.",)
    value = total / pairs if pairs else float("inf")
    return Score("support_size", value, interval, n, m, {"share": share}, detail, warnings)
