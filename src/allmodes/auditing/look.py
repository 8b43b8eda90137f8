"""What an audit sees in one feature space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .density import Balls
from .difference import difference
from .examples import LEAST
from .features import Features, halved
from .labels import Label, compare_labels, untold
from .nearness import Farness, copied_mass
from .power import DRAWN
from .ratios import CROWDED, Ratios, Scores, dropped_mass, thin_mass
from .regions import Region, compare_regions
from .shares import ALPHA
from .space import Space
from .tables import Table
from .view import CHANCE, Example, View


@dataclass(frozen=True)
class Question:
    """What is asked of every view.

    Args:
        half: rows of the data, the first third of the data in them draws regions, int64.
        table: the labels of the real examples.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of what is random.
        views: how many there are: every bound and p-value is corrected for their number.
    """

    half: Tensor
    table: Table
    fraction: float
    seed: int
    views: int


def look(space: Space, files: tuple[str, ...], asked: Question) -> View:
    """Audit both sides in one space.

    Args:
        space: with both sides in it.
        files: of the data, or nothing.
        asked: what is asked.

    Returns:
        The view; its regions and labels are corrected for those of its own, see :func:`.view.corrected`.
    """
    fraction, seed, alpha = asked.fraction, asked.seed, ALPHA / asked.views
    features = Features.of(space.sides, drawing := asked.half[: len(space.sides.real) // DRAWN])
    drawn, both = features.drawn, features.pooled
    far = Farness.of(both.real, both.fake, asked.half)
    alike = bool((near := far.near()).sum() >= LEAST)
    near = near | (not alike)  # where hardly a sample is near, the data are held against all
    counted = torch.from_numpy(near.nonzero()[0])
    kept, drawn_fake = both.fake[counted], drawn.fake[counted]
    balls, back = Balls.around(both.real, kept), Balls.around(kept, both.real)
    scores = balls.scores(back.companions())
    served = (ratios := Ratios.between(both.real, both.fake, seed=seed)).only(near)
    return View(
        name=space.name,
        fingerprint=space.fingerprint,
        n_counted=len(counted),
        dropped_mass=dropped_mass(served, _outer(kept, both.real, seed), fraction=fraction, alpha=alpha),
        difference=difference(both.real, both.fake, seed=seed, views=asked.views),
        crowded_mass=thin_mass(ratios.reversed(), fraction=CROWDED, alpha=alpha),
        copied_mass=copied_mass(both.real, both.fake, asked.half, alpha=alpha),
        invented_mass=far.mass(alpha),
        regions=_regions(drawn.real, drawn_fake, drawing, scores, _finest(served), asked),
        labels=_labels(drawn.real, drawn_fake, drawing, asked, alike),
        examples=_ranked(files or (None,) * len(scores), counted.numpy()[balls.nearest], scores),
        features=drawn.real,
    )


def _finest(served: Ratios) -> int:
    """The finest resolution to draw: 1 where samples crowd, since they are farther away than regions of 0 are wide."""
    return int(thin_mass(served.reversed(), fraction=CROWDED).ci95[0] > CHANCE)


def _regions(
    real: Tensor, fake: Tensor, drawing: Tensor, scores: NDArray[np.float64], finest: int, asked: Question
) -> tuple[Region, ...]:
    """The regions of the data, none finer than the finest."""
    return compare_regions(
        real,
        fake,
        drawing,
        finest=finest,
        scores=scores,
        table=asked.table,
        fraction=asked.fraction,
        seed=asked.seed,
        views=asked.views,
    )


def _labels(real: Tensor, fake: Tensor, drawing: Tensor, asked: Question, alike: bool) -> tuple[Label, ...]:
    """The labels of the data; of samples that are not ``alike`` the data, none can be told."""
    table, fraction = asked.table, asked.fraction
    found = compare_labels(real, fake, drawing, table=table, fraction=fraction, views=asked.views)
    return found if alike else untold(found)


def _outer(kept: Tensor, real: Tensor, seed: int) -> Scores:
    """How far the data are from one half of the samples, and the other half is, with a minus."""
    far = Farness.of(kept, real, halved(len(kept), seed))
    return Scores(-far.samples, -far.held_out)


def _ranked(
    files: tuple[str | None, ...], nearest: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[Example, ...]:
    order = np.argsort(-scores, kind="stable").tolist()
    return tuple(Example(i, float(scores[i]), int(nearest[i]), files[i]) for i in order)
