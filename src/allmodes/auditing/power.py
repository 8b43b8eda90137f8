r"""How small a loss would have been seen? The power of the tests of parts, for the sizes at hand.

A part of the data that no sample is in, and that a region matches, has r of the R data that are counted and none of the
F samples. The exact test then says (see :mod:`.shares`)

.. math:: p = \binom{R}{r} \Big/ \binom{R + F}{r} = \prod_{i < r} \frac{R - i}{R + F - i}

which is below :math:`\alpha / K`, the level for one of K parts, from some r* on. Of a part of share s there are r* or
more with the chance :math:`I_s(r^*, R - r^* + 1)`, a regularised incomplete beta function (the tail of a binomial law),
so the smallest share that is seen with a chance of 80% is a quantile of that beta law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from .regions import resolutions
from .shares import ALPHA

SEEN = 0.8  # chance that a loss is seen, for which its size is told
DRAWN = 3  # one example in so many draws regions: the more are left to be counted, the smaller a loss can be seen
ROUND = tuple(first * 10**power for power in range(2, 5) for first in (1, 2, 5))  # up to those that are looked at
BETTER = 0.75  # of the smallest loss: what more examples must bring to be worth telling


@dataclass(frozen=True)
class Power:
    """The smallest loss that an audit of these sizes sees with a chance of 80%.

    Args:
        n_real: examples.
        n_fake: samples that are counted.
        share: of the data, of a part that has no samples and that a region matches; None where nothing would be seen.
    """

    n_real: int
    n_fake: int
    share: float | None

    @classmethod
    def of(cls, n_real: int, n_fake: int, *, views: int = 1, labels: int = 0, alpha: float = ALPHA) -> Power:
        """For so many examples and samples, in so many views, with so many labels and pairs of them in all."""
        drawing = n_real // DRAWN
        tests = views * sum(resolutions(drawing)) + labels
        return cls(n_real, n_fake, least_seen(n_real - drawing, n_fake, tests=tests, alpha=alpha))

    def sharpened(self, *, views: int = 1, labels: int = 0) -> Power | None:
        """Sizes that see a loss at least a quarter smaller: more samples, or more of both; None if none do."""
        sizes = ((real, fake) for fake in ROUND for real in {self.n_real, max(self.n_real, fake)} if fake > self.n_fake)
        tried = (Power.of(real, fake, views=views, labels=labels) for real, fake in sorted(sizes, key=sum))
        edge = 1.0 if self.share is None else BETTER * self.share
        return next((power for power in tried if power.share is not None and power.share <= edge), None)


def least_seen(n_real: int, n_fake: int, *, tests: int, alpha: float = ALPHA, chance: float = SEEN) -> float | None:
    """The smallest share of the data that is seen to be lost.

    Args:
        n_real: examples that are counted.
        n_fake: samples that are counted.
        tests: parts that are tested.
        alpha: chance of calling any of them lost where none is.
        chance: of seeing it.

    Returns:
        A share from 0 to 1; None where not even the loss of everything would be seen.
    """
    rows = np.arange(n_real)
    logs = np.cumsum(np.log(n_real - rows) - np.log(n_real + n_fake - rows))
    enough = np.flatnonzero(logs <= math.log(alpha / tests))
    if len(enough) == 0:
        return None
    least = int(enough[0]) + 1
    return float(beta.ppf(chance, least, n_real - least + 1))
