r"""How the samples are spread around every real example, and how much of the data they leave out.

The ball around a real example that reaches its k-th nearest other one holds :math:`r = k` of R real examples and f
of F samples. With :math:`\rho` the ratio of the samples' density to the data's there, f of the :math:`r + f` are
samples with probability :math:`F \rho / (F \rho + R)`. One ball says little, all of them say how :math:`\rho` is
distributed over the data: its law :math:`G` is the nonparametric maximum of the likelihood (Kiefer & Wolfowitz 1956),
found by expectation-maximisation on a grid.

.. math:: \text{dropped mass} = G(\rho < c)

is the share of the data where the generator puts less than the fraction c of what it should. Where a ball holds both
what is dropped and what is not, it looks thinned out rather than empty. So the interval reaches up to the *shortfall*
:math:`E_G[(1 - \rho (1 - d))_+]`, d the dropped mass, which does not mind the mixture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

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
        real_inside: for the k that the mass is estimated with, which other real examples are, ``(n, n)``.
        nearest: the nearest sample of every real example, ``(n,)``.
    """

    ks: tuple[int, ...]
    inside: tuple[csr_array, ...]
    real_inside: csr_array
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
        k = ks[_middle(ks)]
        others = near.ids[:, : k + 1] != torch.arange(n)[:, None]
        return cls(ks, inside, _matrix(near.ids[:, : k + 1], others, n), found.ids[:, 0].numpy())

    @property
    def fake_inside(self) -> csr_array:
        """Which samples are in the balls that the mass is estimated with, ``(n, m)``."""
        return self.inside[_middle(self.ks)]

    def scores(self, weight: Values | None = None) -> Values:
        """How under-represented each example is: minus the mean log ratio over the sizes of balls, ``(n,)``.

        Args:
            weight: what each sample counts for, ``(m,)``; 1 by default.
        """
        n, m = self.fake_inside.shape
        expected = np.array(self.ks)[:, None] * m / n
        counts = np.stack([inside @ (np.ones(m) if weight is None else weight) for inside in self.inside])
        values: Values = -np.log((counts + 1) / (expected + 1)).mean(0)
        return values

    def companions(self) -> Values:
        """For balls around samples: what each of them counts for, by how many of the data due are there, ``(n,)``."""
        n, m = self.fake_inside.shape
        due = self.ks[_middle(self.ks)] * m / n
        weight: Values = np.minimum(1.0, self.fake_inside @ np.ones(m) / due)
        return weight


def _middle(ks: tuple[int, ...]) -> int:
    """The place of the k that the mass is estimated with."""
    return min(range(len(ks)), key=lambda place: abs(ks[place] - MASS_NEIGHBOURS))


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
    n, m = balls.fake_inside.shape
    start = np.full(len(GRID), 1 / len(GRID))
    law = _law(balls, np.ones(n), np.ones(m), start, FIRST_ROUNDS)
    estimate, shortfall = _masses(law, fraction)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        examples, samples = (rng.multinomial(size, np.full(size, 1 / size)).astype(np.float64) for size in (n, m))
        drawn.append(_masses(_law(balls, examples, samples, law, MORE_ROUNDS), fraction))
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


def _masses(law: Values, fraction: float) -> tuple[float, float]:
    dropped = float(law[fraction > GRID].sum())
    return dropped, float(law @ np.maximum(0, 1 - GRID * (1 - dropped)))


def _law(balls: Balls, real: Values, fake: Values, start: Values, rounds: int) -> Values:
    """The law of the ratio over the data ``(len(GRID),)``, with these weights of examples and samples."""
    counts = np.stack([balls.real_inside @ real, balls.fake_inside @ fake])
    pairs, inverse = np.unique(counts, axis=1, return_inverse=True)
    mass = np.bincount(inverse.ravel(), weights=real, minlength=pairs.shape[1]) / real.sum()
    share = fake.sum() * GRID / (fake.sum() * GRID + real.sum())
    log = pairs[1][:, None] * np.log(np.maximum(share, 1e-12)) + pairs[0][:, None] * np.log1p(-share)
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
