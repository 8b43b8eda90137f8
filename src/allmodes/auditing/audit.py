"""The audit: which part of the data a generator leaves out, and how sure that is.

1. Both sides are embedded and reduced to their leading principal components, fitted to one half of the data.
2. That half draws regions at several resolutions; the other half and the samples are counted in them; an exact test of
   every region, corrected for their number, says which are dropped (:mod:`.regions`, :mod:`.shares`).
3. The ratio of local densities around every real example ranks them, and its law over all of them is the dropped mass
   (:mod:`.density`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.discovery import find
from ..core.errors import UserError
from ..core.records import Score
from ..core.seeding import derive_seed, stream
from ..distances.base import Distance
from ..metrics import density_coverage, frechet_distance, precision_recall
from .density import Balls, dropped_mass
from .examples import Examples, Source, open_examples
from .findings import Example, Findings, Region
from .regions import Regions
from .shares import Shares, compare

COMPONENTS = 64
LEAST = 20  # examples of either side
FEW = 1_000
ALPHA = 0.05  # chance of calling any region dropped where none is
HANDED = {"name": "features", "fingerprint": "given"}


def audit(
    real: Source,
    fake: Source,
    *,
    distance: str | Distance = "pixels",
    labels: Sequence[object] | NDArray[np.generic] | Tensor | None = None,
    fraction: float = 0.5,
    seed: int = 0,
) -> Findings:
    """Find what the samples leave out of the data.

    Args:
        real: the data: a path, an array or tensor (see :func:`.examples.open_examples`).
        fake: samples, or a run or model to draw them from.
        distance: the feature space, or its name; not used where features are given.
        labels: of the real examples, ``(n,)``.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of the split, the regions, the samples of a model and the bootstrap.

    Raises:
        UserError: a side cannot be read or has fewer than 20 examples, or they do not go together.
    """
    data, samples = _opened(real, fake, seed)
    space = distance if isinstance(distance, Distance) else _distance(distance)
    half = torch.randperm(len(data), generator=stream(seed, "split"))[: len(data) // 2]
    first, second = _reduced(*_embedded(data, samples, space), half)
    balls = Balls.around(first, second)
    return Findings(
        len(data),
        len(samples),
        {"name": space.name, "fingerprint": space.fingerprint()} if data.features is None else HANDED,
        ALPHA,
        fraction,
        dropped_mass(balls, fraction=fraction, seed=seed),
        _regions(first, second, half, balls.scores(), _labels(labels, len(data)), fraction, seed),
        _ranked(data, balls.scores()),
        _summary(first, second, seed),
        {"real": data.fingerprint, "fake": samples.fingerprint, "components": first.shape[1], "seed": seed},
        _warnings(data, samples),
    )


def _opened(real: Source, fake: Source, seed: int) -> tuple[Examples, Examples]:
    data = open_examples(real, seed=seed)
    return data, open_examples(fake, like=data, seed=seed)


def _ranked(data: Examples, scores: NDArray[np.float64]) -> tuple[Example, ...]:
    files = data.files or (None,) * len(data)
    return tuple(Example(i, float(scores[i]), files[i]) for i in np.argsort(-scores, kind="stable").tolist())


def _summary(first: Tensor, second: Tensor, seed: int) -> dict[str, Score]:
    """Metrics of others on the same features, to hold the audit against."""
    pairs = (*precision_recall(first, second), *density_coverage(first, second))
    return {score.name: score for score in (frechet_distance(first, second, seed=seed), *pairs)}


def _distance(name: str) -> Distance:
    cls = find("allmodes.distances", Distance, name)
    if cls.needs is not None:
        raise UserError(
            f"The distance '{name}' needs a trained network: use pixels or random-convolution, or hand in features."
        )
    return cls()


def _embedded(data: Examples, samples: Examples, space: Distance) -> tuple[Tensor, Tensor]:
    if (data.images is None) != (samples.images is None):
        raise UserError("One side holds images and the other features: give both as images, or both as features.")
    for what, side in (("data", data), ("samples", samples)):
        if len(side) < LEAST:
            raise UserError(f"The {what} are {len(side)}: an audit needs at least {LEAST} of both.")
    if data.images is not None and samples.images is not None and data.images.shape[1:] != samples.images.shape[1:]:
        shapes = [" x ".join(map(str, side.shape[1:])) for side in (data.images, samples.images)]
        raise UserError(f"The data are images of {shapes[0]} and the samples of {shapes[1]}: bring them to one size.")
    first, second = data.embedded(space), samples.embedded(space)
    if first.shape[1] != second.shape[1]:
        raise UserError(f"The data have {first.shape[1]} features and the samples {second.shape[1]}.")
    return first, second


def _reduced(first: Tensor, second: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Both sides in the leading principal components of this half of the data."""
    centre = first[half].mean(0)
    if first.shape[1] <= COMPONENTS:
        return first - centre, second - centre
    values = first[half] - centre
    rank = min(COMPONENTS, len(half), first.shape[1])
    basis = _leading(values, rank)
    return (first - centre) @ basis, (second - centre) @ basis


def _leading(values: Tensor, rank: int) -> Tensor:
    """Leading eigenvectors of the covariance ``(D, rank)``."""
    covariance = (values.T @ values).double()
    vectors: Tensor = torch.linalg.eigh(covariance).eigenvectors
    return vectors[:, -rank:].flip(1).float()


def _labels(labels: Sequence[object] | NDArray[np.generic] | Tensor | None, count: int) -> list[str] | None:
    if labels is None:
        return None
    names = [str(label) for label in (labels.tolist() if isinstance(labels, np.ndarray | Tensor) else labels)]
    if len(names) != count:
        raise UserError(f"There are {len(names)} labels for {count} real examples: give one for each.")
    return names


def _regions(
    first: Tensor,
    second: Tensor,
    half: Tensor,
    scores: NDArray[np.float64],
    labels: list[str] | None,
    fraction: float,
    seed: int,
) -> tuple[Region, ...]:
    regions = Regions.drawn(first[half], seed=derive_seed(seed, "regions") % 2**32)
    counting = torch.ones(len(first), dtype=torch.bool)
    counting[half] = False
    where, theirs = regions.of(first), regions.of(second)
    sizes = [int(level.max()) + 1 for level in regions.levels]
    counts = [
        np.concatenate([np.bincount(row, minlength=size) for row, size in zip(rows, sizes, strict=True)])
        for rows in (where[:, counting.numpy()], theirs)
    ]
    shares = compare(*counts, n_real=int(counting.sum()), n_fake=len(second), alpha=ALPHA, fraction=fraction)
    found, row = [], 0
    worst = np.argsort(-scores)
    for level, size in enumerate(sizes):
        for number in range(size):
            members = worst[where[level][worst] == number]
            found.append(_region(f"{level}-{number}", shares, row, members, labels))
            row += 1
    return tuple(sorted(found, key=lambda region: (not region.dropped, region.q_value, region.p_value)))


def _region(name: str, shares: Shares, row: int, members: NDArray[np.int64], labels: list[str] | None) -> Region:
    ratio, high = float(shares.ratio[row]), float(shares.high[row])
    counted = None if labels is None else dict(Counter(labels[i] for i in members).most_common())
    return Region(
        name,
        int(shares.real[row]),
        int(shares.fake[row]),
        float(shares.expected[row]),
        ratio if np.isfinite(ratio) else None,
        (float(shares.low[row]), high if np.isfinite(high) else None),
        float(shares.p_value[row]),
        float(shares.q_value[row]),
        bool(shares.dropped[row]),
        tuple(members.tolist()),
        counted,
    )


def _warnings(data: Examples, samples: Examples) -> tuple[str, ...]:
    few = min(len(data), len(samples))
    return () if few >= FEW else (f"With {few} examples on one side only large losses can be seen.",)
