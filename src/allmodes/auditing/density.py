"""How the samples are spread around every real example: the ranking of all examples by what they lack.

The ball around a real example that reaches its k-th nearest other one holds k of R real examples, and k F / R of the F
samples if they are spread as the data are. One ball says little: its count is left to chance. So the logarithms of
several sizes are averaged, and what is said of the whole data is said elsewhere (:mod:`.ratios`, :mod:`.shares`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from ..search import Exact

NEIGHBOURS = (10, 20, 40)
MIDDLE = 20
MOST = 8  # times the samples due that a ball may hold: more are not counted

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Balls:
    """Samples around every real example.

    Args:
        ks: the numbers of neighbours that the balls reach to.
        inside: for every k, which samples are in each ball, ``(n, m)``.
        nearest: the nearest sample of every real example, ``(n,)``.
    """

    ks: tuple[int, ...]
    inside: tuple[csr_array, ...]
    nearest: NDArray[np.int64]

    @classmethod
    def around(cls, real: Tensor, fake: Tensor) -> Balls:
        """Count, for ``real`` ``(n, D)`` of at least two examples and ``fake`` ``(m, D)``."""
        n, m = len(real), len(fake)
        ks = tuple(k for k in NEIGHBOURS if k <= n // 4) or (max(1, n // 4),)
        own, theirs = Exact(real.shape[1]), Exact(real.shape[1])
        own.add(real, borrow=True)
        theirs.add(fake, borrow=True)
        near = own.query(real, ks[-1] + 1)
        found = theirs.query(real, min(m, int(ks[-1] * MOST * m / n) + 1))
        inside = tuple(_matrix(found.ids, found.distances <= near.distances[:, [k]], m) for k in ks)
        return cls(ks, inside, found.ids[:, 0].numpy())

    @property
    def middle(self) -> int:
        """The place of the middling k."""
        return min(range(len(self.ks)), key=lambda place: abs(self.ks[place] - MIDDLE))

    def scores(self, weight: Values | None = None) -> Values:
        """How under-represented each example is: minus the mean log ratio over the sizes of balls, ``(n,)``.

        Args:
            weight: what each sample counts for, ``(m,)``; 1 by default.
        """
        n, m = self.inside[0].shape
        expected = np.array(self.ks)[:, None] * m / n
        counts = np.stack([inside @ (np.ones(m) if weight is None else weight) for inside in self.inside])
        values: Values = -np.log((counts + 1) / (expected + 1)).mean(0)
        return values

    def companions(self) -> Values:
        """For balls around samples: what each of them counts for, by how many of the data due are there, ``(n,)``."""
        n, m = self.inside[0].shape
        due = self.ks[self.middle] * m / n
        weight: Values = np.minimum(1.0, self.inside[self.middle] @ np.ones(m) / due)
        return weight


def _matrix(ids: Tensor, chosen: Tensor, width: int) -> csr_array:
    """Rows of zeros and ones from the chosen ids of each row ``(n, k)``."""
    ends = np.concatenate([[0], chosen.sum(1).cumsum(0).numpy()])
    columns = ids[chosen].numpy()
    return csr_array((np.ones(len(columns)), columns, ends), shape=(len(ids), width))
