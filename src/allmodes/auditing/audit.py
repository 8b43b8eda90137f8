"""The audit: which part of the data a generator leaves out, and how sure that is.

1. Both sides are embedded and reduced to their leading principal components (:mod:`.features`).
2. A third of the data draws regions at several resolutions; the rest and the samples are counted in them; an exact test
   of every region, corrected for their number, says which are dropped (:mod:`.regions`, :mod:`.shares`). Labels, where
   they are known, are tested alike (:mod:`.labels`).
3. The ratio of local densities around every real example ranks them, and its law over all of them is the dropped mass
   (:mod:`.density`).
4. The other direction: samples that crowd where hardly any data are, which cannot serve the rest; samples that copy the
   data, and samples far from all of it (:mod:`.nearness`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.progress import working
from ..core.records import Score
from ..distances.base import Distance
from .density import CROWDED, Balls, corrected, dropped_mass
from .examples import Examples, Source, open_examples
from .features import Features, halved
from .findings import CHANCE, Example, Findings, View
from .labels import compare_labels
from .nearness import Mass, copied_mass, invented_mass
from .regions import compare_regions
from .scores import STANDARD, Pair, measure
from .shares import ALPHA
from .space import AUTO, Space, certify
from .tables import Table, read_table

FEW = 1_000
DRAWN = 3  # one example in so many draws regions: the more are left to be counted, the smaller a loss can be seen


def audit(
    real: Source,
    fake: Source,
    *,
    distance: str | Distance = AUTO,
    labels: object = None,
    metrics: Sequence[str] = STANDARD,
    fraction: float = 0.5,
    seed: int = 0,
    skip_damaged: bool = False,
) -> Findings:
    """Find what the samples leave out of the data.

    Args:
        real: the data: a path, an array or tensor (see :func:`.examples.open_examples`).
        fake: samples, or a run or model to draw them from.
        distance: the feature space, or its name, or ``"auto"``: pixels, or EfficientNet-Lite0's features of colour
            images of at least 32 x 32; not used where features are given.
        labels: of the real examples, ``(n,)``, a mapping of attributes to such, or a file of them (see
            :func:`.tables.read_table`). Of several attributes, pairs are looked at, too.
        metrics: that others report, by name (see :mod:`.scores`), in all dimensions of the feature space.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of the split, the regions, the samples of a model and the bootstrap.
        skip_damaged: leave out pictures that cannot be read, and say so.

    Raises:
        UserError: a side cannot be read or is too small, they do not go together, there is no such metric, or fraction
            or seed are none.
    """
    if not 0 < fraction <= 1:
        raise UserError(f"The fraction is {fraction}, but must be above 0 and at most 1.")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"The seed is {seed}, but must be a whole number and at least 0.")
    with working("Auditing", 3) as advance:
        data = open_examples(real, seed=seed, skip_damaged=skip_damaged)
        samples = open_examples(fake, like=data, seed=seed, skip_damaged=skip_damaged)
        table = {} if labels is None else read_table(labels, len(data), files=data.files)
        space, half = Space.of(data, samples, distance), halved(len(data), seed)
        pair = Pair(space.sides.real, space.sides.fake, half, seed)
        advance(1)
        summary = measure(pair, metrics, space=space.name, certificate=certify(data, samples, space, seed))
        advance(1)
        return _found(data, samples, space, half, table=table, summary=summary, fraction=fraction, seed=seed)


def _found(
    data: Examples,
    samples: Examples,
    space: Space,
    half: Tensor,
    *,
    table: Table,
    summary: Mapping[str, Score],
    fraction: float,
    seed: int,
) -> Findings:
    drawing = half[: len(data) // DRAWN]
    features = Features.of(space.sides, drawing)
    drawn, both = features.drawn, features.pooled
    balls, back = Balls.around(both.real, both.fake), Balls.around(both.fake, both.real)
    dropped = dropped_mass(balls, fraction=fraction, seed=seed)
    crowded = dropped_mass(back, fraction=CROWDED, seed=seed)
    scores = balls.scores(back.companions())
    finest = int(crowded.ci95[0] > CHANCE)  # samples that crowd are farther away than the finest regions are wide
    regions = compare_regions(
        drawn.real, drawn.fake, drawing, finest=finest, scores=scores, table=table, fraction=fraction, seed=seed
    )
    return Findings(
        n_real=len(data),
        n_fake=len(samples),
        distance={"name": space.name, "fingerprint": space.fingerprint},
        alpha=ALPHA,
        fraction=fraction,
        dropped_mass=corrected(dropped, crowded, fraction=fraction),
        crowded_mass=Mass(crowded.estimate, crowded.ci95),
        copied_mass=copied_mass(both.real, both.fake, half),
        invented_mass=invented_mass(both.real, both.fake, half),
        regions=regions,
        labels=compare_labels(drawn.real, drawn.fake, drawing, table=table, fraction=fraction),
        examples=_ranked(data, balls, scores),
        summary=summary,
        certificate={**certify(data, samples, space, seed), "components": both.real.shape[1]},
        warnings=(*data.notes, *samples.notes, *space.warnings, *_warnings(data, samples)),
        view=View(data, samples, drawn.real),
    )


def _ranked(data: Examples, balls: Balls, scores: NDArray[np.float64]) -> tuple[Example, ...]:
    files = data.files or (None,) * len(data)
    order = np.argsort(-scores, kind="stable").tolist()
    return tuple(Example(i, float(scores[i]), int(balls.nearest[i]), files[i]) for i in order)


def _warnings(data: Examples, samples: Examples) -> tuple[str, ...]:
    few = min(len(data), len(samples))
    return () if few >= FEW else (f"With {few} examples on one side only large losses can be seen.",)
