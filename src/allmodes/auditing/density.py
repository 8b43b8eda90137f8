r"""How the samples are spread around every real example, and how much of the data they leave out.

The ball around a real example that reaches its k-th nearest other one holds :math:`r = k` of R real examples and f
of F samples. With :math:`\rho` the ratio of the samples' density to the data's there, f of the :math:`r + f` are
samples with probability :math:`F \rho / (F \rho + R)`. One ball says little, all of them say how :math:`\rho` is
distributed over the data: its law :math:`G` is the nonparametric maximum of the likelihood (Kiefer & Wolfowitz 1956),
found by expectation-maximisation on a grid.

.. math:: \text{dropped mass} = G(\rho < c)

is the share of the data where the generator puts less than the fraction c of what it should. Where a ball holds both
what is dropped and what is not, it looks thinned out rather than empty. So the interval reaches up to the *shortfall*
:math:`E_G[(1 - \rho (1 - d))_+]`, d the dropped mass, which does not mind the mixture unless samples elsewhere make up
for it inside the ball (Jensen's inequality: it is too small, never too large). The smallest balls mix the least, so it
is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from ..core.progress import track
from ..search import Exact

NEIGHBOURS = (10, 20, 40)
MASS_NEIGHBOURS = 20
GRID = np.concatenate([[0.0], np.geomspace(0.05, 8, 60)])
FIRST_ROUNDS, MORE_ROUNDS = 300, 40
DRAWS = 100
CROWDED = 0.2  # of the samples' density: where the data have less, samples crowd

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Balls:
    """Samples around every real example.

    Args:
        ks: the numbers of neighbours that the balls reach to.
        inside: for every k, which samples are in each ball, ``(n, m)``.
        real_inside: the same of the other real examples, ``(n, n)``.
        nearest: the nearest sample of every real example, ``(n,)``.
    """

    ks: tuple[int, ...]
    inside: tuple[csr_array, ...]
    real_inside: tuple[csr_array, ...]
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
        found = theirs.query(real, min(m, int(ks[-1] * GRID[-1] * m / n) + 1))
        inside = tuple(_matrix(found.ids, found.distances <= near.distances[:, [k]], m) for k in ks)
        others = near.ids != torch.arange(n)[:, None]
        neighbours = tuple(_matrix(near.ids[:, : k + 1], others[:, : k + 1], n) for k in ks)
        return cls(ks, inside, neighbours, found.ids[:, 0].numpy())

    @property
    def middle(self) -> int:
        """The place of the k that the mass is estimated with."""
        return min(range(len(self.ks)), key=lambda place: abs(self.ks[place] - MASS_NEIGHBOURS))

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


@dataclass(frozen=True)
class DroppedMass:
    """Share of the data where samples are thinner than a fraction of what they should be.

    Args:
        estimate: of it.
        ci95: from 1.96 bootstrap standard errors below it to as many above the shortfall.
        shortfall: share of the data's mass that is missing among samples, in whatever way.
    """

    estimate: float
    ci95: tuple[float, float]
    shortfall: float


def dropped_mass(balls: Balls, *, fraction: float = 0.5, seed: int = 0) -> DroppedMass:
    """Estimate the dropped mass with its interval.

    Args:
        balls: around the real examples.
        fraction: of the density that a generator should reach.
        seed: of the bootstrap, over real examples and over samples.
    """
    n, m = balls.inside[0].shape
    ways = (balls.middle, 0)  # the estimate is by balls of a middling size, the shortfall by the smallest
    start = np.full(len(GRID), 1 / len(GRID))
    laws = [_law(balls, way, np.ones(n), np.ones(m), start, FIRST_ROUNDS) for way in ways]
    estimate, shortfall = _dropped(laws[0], fraction), _missing(laws[1], fraction)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in track(range(DRAWS), DRAWS, "Drawing the examples again, for an interval"):
        examples, samples = (rng.multinomial(size, np.full(size, 1 / size)).astype(np.float64) for size in (n, m))
        again = [_law(balls, way, examples, samples, law, MORE_ROUNDS) for way, law in zip(ways, laws, strict=True)]
        drawn.append((_dropped(again[0], fraction), _missing(again[1], fraction)))
    below, above = 1.96 * np.std(drawn, axis=0)  # the spread alone: resampling adds noise, which would shift both
    interval = (max(0.0, estimate - float(below)), min(1.0, max(estimate, shortfall) + float(above)))
    return DroppedMass(estimate, interval, shortfall)


def corrected(mass: DroppedMass, crowded: DroppedMass, *, fraction: float) -> DroppedMass:
    """The dropped mass, where samples crowd in places that the data hardly visit.

    In many dimensions, the centre of the data is nearer to every example than other examples are, so samples that are
    all alike, or blurred, seem to be around every one of them. They give themselves away: hardly any data are around
    *them*. If a share e of the samples is where the data are thinner than c times the samples, these places hold at
    most c e of the data; and where the other samples are at least a fraction of what they should be, they serve at most
    (1 - e) / fraction of it. All else is dropped.

    Args:
        mass: the dropped mass.
        crowded: of the samples, with balls around them: its estimate is e.
        fraction: of the density that a generator should reach.
    """
    estimate, low = (1 - (1 - e) / fraction - CROWDED * e for e in (crowded.estimate, crowded.ci95[0]))
    if estimate <= mass.estimate:
        return mass
    return DroppedMass(estimate, (max(mass.ci95[0], low), 1.0), max(mass.shortfall, estimate))


def _dropped(law: Values, fraction: float) -> float:
    return float(law[fraction > GRID].sum())


def _missing(law: Values, fraction: float) -> float:
    return float(law @ np.maximum(0, 1 - GRID * (1 - _dropped(law, fraction))))


def _law(balls: Balls, way: int, real: Values, fake: Values, start: Values, rounds: int) -> Values:
    """The law of the ratio over the data ``(len(GRID),)``, by balls of one size, with these weights of either side."""
    ours, theirs = balls.real_inside[way] @ real, balls.inside[way] @ fake
    width = theirs.max() + 1
    pairs, inverse = np.unique(ours * width + theirs, return_inverse=True)  # whole numbers: nothing is lost
    mass = np.bincount(inverse, weights=real, minlength=len(pairs)) / real.sum()
    share = fake.sum() * GRID / (fake.sum() * GRID + real.sum())
    inside_real, inside_fake = np.divmod(pairs[:, None], width)
    log = inside_fake * np.log(np.maximum(share, 1e-12)) + inside_real * np.log1p(-share)
    likelihood = np.exp(log - log.max(1, keepdims=True))
    law = 0.9 * start + 0.1 / len(GRID)  # nothing that a start rules out is ruled out for good
    for _ in range(rounds):
        law = law * (likelihood.T @ (mass / (likelihood @ law)))
    return law


def _matrix(ids: Tensor, chosen: Tensor, width: int) -> csr_array:
    """Rows of zeros and ones from the chosen ids of each row ``(n, k)``."""
    ends = np.concatenate([[0], chosen.sum(1).cumsum(0).numpy()])
    columns = ids[chosen].numpy()
    return csr_array((np.ones(len(columns)), columns, ends), shape=(len(ids), width))
