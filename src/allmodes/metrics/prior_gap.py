r"""Whether samples fall short because fresh latents are unlike those that a generator was trained at.

A generator that is trained at the latents :math:`z_i` of its examples is used at fresh ones from the prior. What it was
not asked for there it need not do ("holes" of the prior; for autoencoders Ghosh et al. 2020, section 5, hold samples
beside reconstructions in the same way). Of Frechet distances :math:`F` of equal numbers of samples,

.. math:: \frac{F_{fresh} - F_{assigned}}{F_{fresh} - F_{training}}

is the share of what fresh samples lack that those at assigned latents do not, where the training images themselves,
drawn as often, lack nothing. At 1 all that is wrong lies in the latents, at 0 in the generator.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from ..core.records import Score
from .usable import usable_values


def prior_gap(fresh: ArrayLike, assigned: ArrayLike, training: ArrayLike) -> Score:
    """Share of what samples at fresh latents lack that samples at assigned ones do not.

    Args:
        fresh: Frechet distances of several sets of samples at fresh latents, ``(a,)``.
        assigned: those of as large sets at latents assigned in training, ``(b,)``.
        training: those of as large sets of the training images themselves, ``(c,)``.

    Returns:
        Score, below 0 where fresh latents serve better. The interval is what one set of each would scatter by; it is
        None, and the value 0, where fresh samples lack nothing beyond that scatter.

    Raises:
        ValueError: fewer than two distances of a kind, or some that are negative or not finite.
    """
    kinds = {"fresh": fresh, "assigned": assigned, "training": training}
    values = [usable_values(distances, kind, least=0) for kind, distances in kinds.items()]
    for kind, some in zip(kinds, values, strict=True):
        if len(some) < 2:
            raise ValueError(f"{kind}: need at least 2 distances, not {len(some)}")
    far, near, best = (float(some.mean()) for some in values)
    scatter = np.array([some.var(ddof=1) for some in values])
    wide = float(t.ppf(0.975, min(map(len, values)) - 1))
    lacking = far - best
    if lacking <= wide * float(scatter[0] + scatter[2]) ** 0.5:
        return Score("prior_gap", 0.0)
    share = (far - near) / lacking
    error = wide * float(scatter @ [(1 - share) ** 2, 1, share**2]) ** 0.5 / lacking
    return Score("prior_gap", share, (share - error, share + error))
