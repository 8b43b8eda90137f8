"""The audit: which part of the data a generator leaves out, and how sure that is.

1. Both sides are embedded and reduced to their leading principal components (:mod:`.features`).
2. That half draws regions at several resolutions; the other half and the samples are counted in them; an exact test of
   every region, corrected for their number, says which are dropped (:mod:`.regions`, :mod:`.shares`). Labels, where
   they are known, are tested alike (:mod:`.labels`).
3. The ratio of local densities around every real example ranks them, and its law over all of them is the dropped mass
   (:mod:`.density`).
4. The other direction: samples that crowd where hardly any data are, which cannot serve the rest; samples that copy the
   data, and samples far from all of it (:mod:`.nearness`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.records import Score
from ..core.seeding import stream
from ..distances.base import Distance
from ..metrics import density_coverage, frechet_distance, precision_recall
from .density import CROWDED, Balls, corrected, dropped_mass
from .examples import Examples, Source, open_examples
from .features import Features, Sides
from .findings import Example, Findings, View
from .labels import Table, compare_labels, read_table
from .nearness import Mass, copied_mass, invented_mass
from .regions import compare_regions
from .shares import ALPHA

FEW = 1_000


def audit(
    real: Source,
    fake: Source,
    *,
    distance: str | Distance = "pixels",
    labels: object = None,
    fraction: float = 0.5,
    seed: int = 0,
) -> Findings:
    """Find what the samples leave out of the data.

    Args:
        real: the data: a path, an array or tensor (see :func:`.examples.open_examples`).
        fake: samples, or a run or model to draw them from.
        distance: the feature space, or its name; not used where features are given.
        labels: of the real examples, ``(n,)``, a mapping of attributes to such, or a file of them (see
            :func:`.labels.read_table`). Of several attributes, pairs are looked at, too.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of the split, the regions, the samples of a model and the bootstrap.

    Raises:
        UserError: a side cannot be read or has fewer than 20 examples, or they do not go together.
    """
    data = open_examples(real, seed=seed)
    samples = open_examples(fake, like=data, seed=seed)
    table = {} if labels is None else read_table(labels, len(data), files=data.files)
    return _found(data, samples, distance, table, fraction, seed)


def _found(
    data: Examples, samples: Examples, distance: str | Distance, table: Table, fraction: float, seed: int
) -> Findings:
    half = torch.randperm(len(data), generator=stream(seed, "split"))[: len(data) // 2]
    features = Features.of(data, samples, distance, half)
    drawn, both = features.drawn, features.pooled
    balls, back = Balls.around(both.real, both.fake), Balls.around(both.fake, both.real)
    dropped = dropped_mass(balls, fraction=fraction, seed=seed)
    crowded = dropped_mass(back, fraction=CROWDED, seed=seed)
    scores = balls.scores(back.companions())
    return Findings(
        n_real=len(data),
        n_fake=len(samples),
        distance=features.space,
        alpha=ALPHA,
        fraction=fraction,
        dropped_mass=corrected(dropped, crowded, fraction=fraction),
        crowded_mass=Mass(crowded.estimate, crowded.ci95),
        copied_mass=copied_mass(both.real, both.fake, half),
        invented_mass=invented_mass(both.real, both.fake, half),
        regions=compare_regions(both.real, both.fake, half, scores=scores, table=table, fraction=fraction, seed=seed),
        labels=compare_labels(drawn.real, drawn.fake, half, table=table, fraction=fraction),
        examples=_ranked(data, balls, scores),
        summary=_summary(both),
        certificate=_certificate(data, samples, both, seed),
        warnings=_warnings(data, samples),
        view=View(data, samples, both.real),
    )


def _ranked(data: Examples, balls: Balls, scores: NDArray[np.float64]) -> tuple[Example, ...]:
    files = data.files or (None,) * len(data)
    order = np.argsort(-scores, kind="stable").tolist()
    return tuple(Example(i, float(scores[i]), int(balls.nearest[i]), files[i]) for i in order)


def _certificate(data: Examples, samples: Examples, both: Sides, seed: int) -> dict[str, Any]:
    components = both.real.shape[1]
    return {"real": data.fingerprint, "fake": samples.fingerprint, "components": components, "seed": seed}


def _summary(both: Sides) -> dict[str, Score]:
    """Metrics of others on the same features, to hold the audit against."""
    pairs = (*precision_recall(both.real, both.fake), *density_coverage(both.real, both.fake))
    return {score.name: score for score in (frechet_distance(both.real, both.fake), *pairs)}


def _warnings(data: Examples, samples: Examples) -> tuple[str, ...]:
    few = min(len(data), len(samples))
    return () if few >= FEW else (f"With {few} examples on one side only large losses can be seen.",)
