"""Coverage of a planar mixture whose modes are known.

A sample is of high quality within a few standard deviations of a mode (Srivastava et al. 2017, section 4.1), and a
mode is covered if it holds a fifth of its fair share of them: one stray sample does not make a mode.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..core.records import Score
from .usable import usable_pair

SHOWN = 2_000


def planar_coverage(points: ArrayLike, modes: ArrayLike, *, sigma: float, reach: float = 4.0) -> Score:
    """Modes that hold at least a fifth of their fair share of samples, counting only samples near a mode.

    Args:
        points: samples ``(n, 2)``.
        modes: centres ``(K, 2)``.
        sigma: standard deviation of a mode.
        reach: standard deviations within which a sample is of high quality.

    Returns:
        Score; detail: modes with any high-quality sample, the share of high-quality samples, KL of the nearest
        modes of all samples to the uniform law, how far the nearest sample is from a mode, on average and at worst,
        and some points.

    Raises:
        ValueError: there are no samples or no modes, NaN, different dimensions, or no positive ``sigma`` and ``reach``.
    """
    if not (0 < sigma < np.inf and 0 < reach < np.inf):
        raise ValueError(f"sigma and reach must be positive numbers, not {sigma} and {reach}")
    both = usable_pair(points, modes, ("points", "modes"), least=1)
    samples, centres = (rows.double().numpy() for rows in both)
    gap = np.linalg.norm(samples[:, None] - centres[None], axis=2)
    nearest, good = gap.argmin(axis=1), gap.min(axis=1) <= reach * sigma
    near = np.bincount(nearest[good], minlength=len(centres))
    share = np.bincount(nearest, minlength=len(centres)) / len(samples)
    seen = share > 0
    detail = {
        "any": int((near > 0).sum()),
        "high_quality": float(good.mean()),
        "kl": float(np.sum(share[seen] * np.log(share[seen] * len(centres)))),
        "mean_distance": float(gap.min(axis=0).mean()),
        "worst_distance": float(gap.min(axis=0).max()),
        "points": samples[:SHOWN].round(2 - math.floor(math.log10(sigma))).tolist(),
        "modes": centres.tolist(),
    }
    covered = int((near >= 0.2 * len(samples) / len(centres)).sum())
    return Score("modes", covered, n_fake=len(samples), detail=detail)
