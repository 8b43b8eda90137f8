"""The audit: which part of the data a generator leaves out, and how sure that is.

1. Both sides are embedded and reduced to their leading principal components (:mod:`.features`).
2. A third of the data draws regions at several resolutions; the rest and the samples are counted in them; an exact test
   of every region, corrected for their number, says which are dropped (:mod:`.regions`, :mod:`.shares`). Labels, where
   they are known, are tested alike (:mod:`.labels`).
3. The ratio of local densities around every real example ranks them (:mod:`.density`). A score that one half of both
   sides learns, and the other half is counted by, says how much of the data is dropped, at least (:mod:`.ratios`). All
   this is held against the samples that are not far from all data: those that a generator wastes elsewhere do not thin
   out what the others serve.
4. Whether the samples differ from the data in any way at all (:mod:`.difference`).
5. The other direction: samples that crowd where hardly any data are, which cannot serve the rest; samples that copy the
   data, and samples far from all of it (:mod:`.nearness`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.progress import working
from ..core.records import Score
from ..distances.base import Distance
from ..model import Model
from .density import Balls
from .difference import difference
from .examples import Examples, Source, open_examples
from .features import Features, halved
from .findings import Findings
from .found import CHANCE, Example, View
from .labels import compare_labels
from .nearness import Farness, copied_mass
from .pairs import split_pairs
from .ratios import CROWDED, Ratios, Scores, dropped_mass, thin_mass
from .regions import compare_regions
from .scores import STANDARD, Pair, measure
from .shares import ALPHA
from .space import AUTO, LEAST, Space, certify
from .tables import Table, read_table

FEW = 1_000
DRAWN = 3  # one example in so many draws regions: the more are left to be counted, the smaller a loss can be seen


def audit(
    real: Source,
    fake: Source,
    *,
    distance: str | Distance = AUTO,
    inputs: Tensor | None = None,
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
        inputs: that the real examples answer: what is missing is missing given these, see :func:`.pairs.split_pairs`.
        labels: of the real examples, ``(n,)``, a mapping of attributes to such, or a file of them (see
            :func:`.tables.read_table`). Of several attributes, pairs are looked at, too.
        metrics: that others report, by name (see :mod:`.scores`), in all dimensions of the feature space.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of the split, the regions, the samples of a model and what is drawn at random.
        skip_damaged: leave out pictures that cannot be read, and say so.

    Raises:
        UserError: a side cannot be read or is too small, they do not go together, there is no such metric, or fraction
            or seed are none.
    """
    _check(fraction, seed)
    with working("Auditing", 3) as advance:
        data, samples, table = _opened(real, fake, inputs=inputs, labels=labels, seed=seed, skip_damaged=skip_damaged)
        space, half = Space.of(data, samples, distance), halved(len(data), seed)
        pair = Pair(space.sides.real, space.sides.fake, half, seed)
        advance(1)
        summary = measure(pair, metrics, space=space.name, certificate=certify(data, samples, space, seed))
        advance(1)
        return _found(data, samples, space, half, table=table, summary=summary, fraction=fraction, seed=seed)


def _opened(
    real: Source, fake: Source, *, inputs: Tensor | None, labels: object, seed: int, skip_damaged: bool
) -> tuple[Examples, Examples, Table]:
    """Data and samples, or halves of pairs of them, and the labels of the data."""
    data = open_examples(real, seed=seed, skip_damaged=skip_damaged)
    table = {} if labels is None else read_table(labels, len(data), files=data.files)
    if inputs is None:
        return data, open_examples(fake, like=data, seed=seed, skip_damaged=skip_damaged), table
    answers = fake if isinstance(fake, Model) else open_examples(fake, like=data, skip_damaged=skip_damaged)
    data, samples, mine = split_pairs(data, answers, inputs, seed)
    return data, samples, {name: [values[row] for row in mine.tolist()] for name, values in table.items()}


def _check(fraction: float, seed: int) -> None:
    if not 0 < fraction <= 1:
        raise UserError(f"The fraction is {fraction}, but must be above 0 and at most 1.")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"The seed is {seed}, but must be a whole number and at least 0.")


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
    features = Features.of(space.sides, drawing := half[: len(data) // DRAWN])
    drawn, both = features.drawn, features.pooled
    far = Farness.of(both.real, both.fake, half)
    counted = torch.from_numpy((near := _counted(far)).nonzero()[0])
    kept, drawn_fake = both.fake[counted], drawn.fake[counted]
    balls, back = Balls.around(both.real, kept), Balls.around(kept, both.real)
    scores = balls.scores(back.companions())
    ratios = Ratios.between(both.real, both.fake, seed=seed)
    served = ratios.only(near)
    crowded = thin_mass(served.reversed(), fraction=CROWDED)
    finest = int(crowded.ci95[0] > CHANCE)  # samples that crowd are farther away than the finest regions are wide
    regions = compare_regions(
        drawn.real, drawn_fake, drawing, finest=finest, scores=scores, table=table, fraction=fraction, seed=seed
    )
    return Findings(
        **_given(data, samples, space, fraction),
        n_counted=len(counted),
        dropped_mass=dropped_mass(served, _outer(kept, both.real, seed), fraction=fraction),
        difference=difference(both.real, both.fake, seed=seed),
        crowded_mass=thin_mass(ratios.reversed(), fraction=CROWDED),
        copied_mass=copied_mass(both.real, both.fake, half),
        invented_mass=far.mass(),
        regions=regions,
        labels=compare_labels(drawn.real, drawn_fake, drawing, table=table, fraction=fraction),
        examples=_ranked(data, counted.numpy()[balls.nearest], scores),
        summary=summary,
        certificate={**certify(data, samples, space, seed), "components": both.real.shape[1]},
        view=View(data, samples, drawn.real),
    )


def _given(data: Examples, samples: Examples, space: Space, fraction: float) -> dict[str, Any]:
    """What does not depend on what is found."""
    return {
        "n_real": len(data),
        "n_fake": len(samples),
        "distance": {"name": space.name, "fingerprint": space.fingerprint},
        "alpha": ALPHA,
        "fraction": fraction,
        "warnings": (*data.notes, *samples.notes, *space.warnings, *_warnings(data, samples)),
    }


def _counted(far: Farness) -> NDArray[np.bool_]:
    """The samples that the data are held against ``(m,)``: those that are near, or all where hardly one is."""
    near = far.near()
    return near if near.sum() >= LEAST else np.ones_like(near)


def _outer(kept: Tensor, real: Tensor, seed: int) -> Scores:
    """How far the data are from one half of the samples, and the other half is, with a minus."""
    far = Farness.of(kept, real, halved(len(kept), seed))
    return Scores(-far.samples, -far.held_out)


def _ranked(data: Examples, nearest: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[Example, ...]:
    files = data.files or (None,) * len(data)
    order = np.argsort(-scores, kind="stable").tolist()
    return tuple(Example(i, float(scores[i]), int(nearest[i]), files[i]) for i in order)


def _warnings(data: Examples, samples: Examples) -> tuple[str, ...]:
    few = min(len(data), len(samples))
    return () if few >= FEW else (f"With {few} examples on one side only large losses can be seen.",)
