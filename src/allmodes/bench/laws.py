"""Laws whose truth is a closed form: what is dropped, invented and copied is known, not planted in images.

Losses that fall off smoothly, losses of all or nothing, samples wasted where no data are, edges, samples of little
variety, and copies. The truth of the dropped mass is the share of the data where the density of the samples that are
not invented is less than half of what it should be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ..auditing import Findings, audit
from .table import Row

EXAMPLES = 1_500
GROUPS, WIDE = 20, 8.0  # groups of points, whose centres are this wide apart
SAID = 0.01  # of the samples: what an audit speaks of

ABOUT = (
    "Laws that are known",
    "'dropped', 'invented' and 'copied' are true shares, beside what audits make of them on average. 'bound holds': "
    "the least that is said to be dropped is no more than that. 'parts named', 'differ', 'copies said': shares of "
    "audits that say so; errors where nothing is.",
)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """Data ``(n, D)`` and samples ``(n, D)``, with what is true of their laws."""

    real: Points
    fake: Points
    dropped: float = 0.0
    invented: float = 0.0
    copied: float = 0.0


Law = Callable[[int, np.random.Generator], Drawn]


def shrunk(dim: int, scale: float) -> Law:
    """N(0, I) against N(0, s^2 I)."""

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        if scale == 1:
            return Drawn(*rng.normal(size=(2, n, dim)))
        edge = 2 * (math.log(2) - dim * math.log(scale)) / (scale**-2 - 1)  # of |x|^2: beyond it the ratio is below 1/2
        return Drawn(rng.normal(size=(n, dim)), scale * rng.normal(size=(n, dim)), float(chi2.sf(edge, dim)))

    return draw


def thinned_groups(ratio: float, share: float = 0.5) -> Law:
    """This share of the groups keeps this ratio of its samples."""

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        some = round(share * GROUPS)
        law = np.full(GROUPS, (GROUPS - some * ratio) / (GROUPS - some))
        law[:some] = ratio
        return Drawn(_around(n, rng), _around(n, rng, law / GROUPS), share if ratio < 0.5 else 0.0)

    return draw


def wasted(missing: int) -> Law:
    """Half of the samples around other centres; of the groups, the first ones are missing."""

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        law = np.where(np.arange(GROUPS) < missing, 0, 1 / (GROUPS - missing))
        fake = np.concatenate([_around(n // 2, rng, law), _around(n - n // 2, rng, elsewhere=True)])
        return Drawn(_around(n, rng), fake, missing / GROUPS, 0.5)

    return draw


def cubes(dim: int, common: float) -> Law:
    """Uniform on a cube, and on the same moved along one axis until this share is in common."""

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        real, fake = rng.random((2, n, dim))
        fake[:, 0] += 1 - common
        return Drawn(real, fake, 1 - common, 1 - common)

    return draw


def sphere(n: int, rng: np.random.Generator) -> Drawn:
    """Samples inside a sphere whose surface holds the data."""
    real = rng.normal(size=(n, 30))
    return Drawn(real / np.linalg.norm(real, axis=1, keepdims=True), 0.05 * rng.normal(size=(n, 30)), 1.0, 1.0)


def copies(noise: float, scale: float = 1.0) -> Law:
    """A tenth of the samples are examples of the data, scaled and with noise, the others are fresh."""

    def draw(n: int, rng: np.random.Generator) -> Drawn:
        real, fake = rng.normal(size=(2, n, 64))
        some = n // 10
        fake[:some] = scale * real[rng.permutation(n)[:some]] + noise * rng.normal(size=(some, 64))
        return Drawn(real, fake, copied=some / n)

    return draw


def _around(n: int, rng: np.random.Generator, law: Points | None = None, *, elsewhere: bool = False) -> Points:
    """Points around the centres, or around others, that are always the same, ``(n, 8)``."""
    centres = WIDE * np.random.default_rng(int(elsewhere)).normal(size=(GROUPS, 8))
    points: Points = centres[rng.choice(GROUPS, n, p=law)] + rng.normal(size=(n, 8))
    return points


LAWS: tuple[tuple[str, Law], ...] = (
    ("nothing: N(0, I_8)", shrunk(8, 1)),
    ("nothing: N(0, I_64)", shrunk(64, 1)),
    ("smooth: N(0, 0.95² I_16)", shrunk(16, 0.95)),
    ("smooth: N(0, 0.85² I_8)", shrunk(8, 0.85)),
    ("smooth: N(0, 0.8² I_16)", shrunk(16, 0.8)),
    ("narrow, pale: N(0, 0.6² I_64)", shrunk(64, 0.6)),
    ("narrow, pale: N(0, 0.2² I_30)", shrunk(30, 0.2)),
    ("half of 20 groups at a ratio of 0.2", thinned_groups(0.2)),
    ("half of 20 groups at a ratio of 0.45", thinned_groups(0.45)),
    ("half of 20 groups at a ratio of 0.55", thinned_groups(0.55)),
    ("a group of 20 removed", thinned_groups(0.0, 0.05)),
    ("half of the samples elsewhere", wasted(0)),
    ("half of the samples elsewhere, 4 groups of 20 removed", wasted(4)),
    ("inside a sphere of data", sphere),
    ("cubes, four fifths in common, d 8", cubes(8, 0.8)),
    ("cubes, four fifths in common, d 64", cubes(64, 0.8)),
    ("cubes, a fifth in common, d 8", cubes(8, 0.2)),
    ("cubes, a fifth in common, d 64", cubes(64, 0.2)),
    ("one coordinate of 100 disjoint", cubes(100, 0.0)),
    ("10% exact copies", copies(0.0)),
    ("10% noisy copies", copies(0.1)),
    ("10% copies at nine tenths of the contrast", copies(0.0, 0.9)),
)


def law_rows(audits: int, progress: Callable[[str], None], laws: Sequence[tuple[str, Law]] = LAWS) -> list[Row]:
    """A row for every law.

    Args:
        audits: of each, by the seeds 0, 1, ...
        progress: told what is audited next.
        laws: by name.
    """
    rows = []
    for name, law in laws:
        progress(name)
        judged = []
        for seed in range(audits):
            drawn = law(EXAMPLES, np.random.default_rng(seed))
            judged.append(_judged(drawn, audit(drawn.real, drawn.fake, metrics=(), seed=seed)))
        means = {key: float(np.mean([row[key] for row in judged])) for key in judged[0]}
        rows.append({"law": name, "n": EXAMPLES, "audits": audits, **means})
    return rows


def _judged(drawn: Drawn, found: Findings) -> dict[str, float]:
    low = found.dropped_mass.ci95[0]
    return {
        "dropped": drawn.dropped,
        "estimate": found.dropped_mass.estimate,
        "at least": low,
        "bound holds": float(low <= drawn.dropped),
        "parts named": float(bool(found.dropped)),
        "differ": float(found.difference.p_value <= found.alpha),
        "invented": drawn.invented,
        "far from data": found.invented_mass.estimate,
        "copied": drawn.copied,
        "copied mass": found.copied_mass.estimate,
        "copies said": float(found.copied_mass.ci95[0] > SAID),
    }
