"""Which labels, and which pairs of them, have too few samples.

Samples have no labels. A classifier (:mod:`.labeller`) that learns from the part of the data that is not counted marks
held-out data and samples alike. Both are then subject to the same mistakes, so equal shares stay equal, and the tests
of :mod:`.shares` keep their level whatever its accuracy. What share of the samples bears a label is another question:
there its mistakes, known from the held-out data, are corrected for (:mod:`.prevalence`).

A label is tested in that view alone that tells it best, by what the classifier says of left-out examples of those that
it learns from, and only if it tells it there from the others by more than chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom
from torch import Tensor

from .labeller import Basis, Codes, Labeller, Values
from .prevalence import LEAST, Prevalence, prevalence
from .shares import ALPHA, Share, compare, judged
from .tables import Table

UNTESTED = {"ratio": None, "ci95": (0.0, None), "p_value": 1.0, "q_value": 1.0, "dropped": False}

Marks = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Label(Share):
    """A label, or a pair of labels, with its share among the samples.

    Counts and their ratio are of what the classifier marks, which is what is tested.

    Args:
        value: the label of each attribute, one or two.
        data_share: the share of the data that bears it.
        samples_share: that of the samples, corrected for the classifier's mistakes; None where it cannot be told.
        accuracy: of the classifier on held-out data, the mean of the shares of those that bear it and of those that do
            not which it marks rightly: a half is chance. None where held-out data do not hold both.
        chosen_by: the same of left-out examples of those that it learnt from, by which its view was chosen.
        told: whether that is above chance, surely, and samples are like the data; it is not tested otherwise.
    """

    value: Mapping[str, str]
    data_share: float
    samples_share: Prevalence | None
    accuracy: float | None
    chosen_by: float
    told: bool

    @property
    def tested(self) -> bool:
        """Whether it can be told."""
        return self.told

    @property
    def kept(self) -> float | None:
        """The share of the samples over that of the data, corrected."""
        return None if self.samples_share is None else self.samples_share.estimate / self.data_share

    def few(self, fraction: float) -> bool:
        """Whether less than this fraction of it is kept, and surely not all."""
        if self.samples_share is None:
            return False
        most = self.samples_share.ci95[1]
        return super().few(fraction) and most is not None and most < self.data_share


@dataclass(frozen=True)
class _Reading:
    """What the classifier says of one attribute.

    Args:
        names: its labels.
        codes: the label of every example ``(N,)``.
        counted: the same of held-out examples ``(n,)``.
        scores: of held-out examples ``(n, K)`` and of samples ``(m, K)``.
        marks: the same as marks.
        chosen_by: the balanced accuracy of each label among left-out examples.
        told: whether it is above chance.
    """

    names: Sequence[str]
    codes: Codes
    counted: Codes
    scores: tuple[Values, Values]
    marks: tuple[Marks, Marks]
    chosen_by: Values
    told: Marks


def compare_labels(
    real: Tensor, fake: Tensor, drawing: Tensor, *, table: Table, fraction: float, views: int = 1
) -> tuple[Label, ...]:
    """Look at every label and every pair of labels of different attributes.

    Args:
        real: features ``(n, D)``.
        fake: features of samples ``(m, D)``.
        drawing: the rows of ``real`` that the classifier learns from, int64, in no order.
        table: the labels of the real examples.
        fraction: of its share that a label must keep not to be called dropped.
        views: of how many the best is taken for each label: whether it can be told is corrected for them.

    Returns:
        The surest losses first.
    """
    labels = sum(len(set(column)) for column in table.values())
    bases = Basis.of(real[drawing]) if table else ()
    readings = {name: _read(real, fake, drawing, bases, column, views * labels) for name, column in table.items()}
    found = [label for name, reading in readings.items() for label in _singles(name, reading)]
    for one, other in combinations(readings, 2):
        found += _pairs((one, other), (readings[one], readings[other]))
    return judged(found, fraction=fraction)


def untold(labels: Sequence[Label]) -> tuple[Label, ...]:
    """The same where nothing can be said of the samples: they are like no data, so no label is theirs."""
    return tuple(replace(label, **UNTESTED, samples_share=None, told=False) for label in labels)  # type: ignore[arg-type]


def best_told(views: Sequence[Sequence[Label]]) -> list[tuple[Label, ...]]:
    """Of the labels of several views, in each those that it tells best: every label is left in one."""
    best: dict[tuple[tuple[str, str], ...], tuple[tuple[bool, float], int]] = {}
    for number, labels in enumerate(views):
        for label in labels:
            key, how_well = tuple(label.value.items()), (label.told, label.chosen_by)
            if key not in best or how_well > best[key][0]:
                best[key] = (how_well, number)
    return [
        tuple(label for label in labels if best[tuple(label.value.items())][1] == number)
        for number, labels in enumerate(views)
    ]


def _read(
    real: Tensor, fake: Tensor, drawing: Tensor, bases: Sequence[Basis], column: Sequence[str], tests: int
) -> _Reading:
    names, codes = np.unique(np.asarray(column), return_inverse=True)
    held_out = np.ones(len(real), dtype=bool)
    held_out[drawing.numpy()] = False
    mine = codes.ravel()[drawing.numpy()]
    labeller = Labeller.learnt(bases, mine, len(names))
    scores = (labeller.scores(real[held_out]), labeller.scores(fake))
    marks = (scores[0] > labeller.thresholds, scores[1] > labeller.thresholds)
    counted = codes.ravel()[held_out]
    bears = mine[:, None] == np.arange(len(names))
    said = labeller.left_out > labeller.thresholds
    chance = hypergeom.sf((bears & said).sum(0) - 1, len(mine), bears.sum(0), said.sum(0))
    enough = np.bincount(counted, minlength=len(names)) >= LEAST
    told = (chance * tests <= ALPHA) & enough & (bears.sum(0) < len(mine))
    accuracy = np.array([_accuracy(b, s) or 0.5 for b, s in zip(bears.T, said.T, strict=True)])
    return _Reading(names.tolist(), codes.ravel(), counted, scores, marks, accuracy, told)


def _accuracy(bears: Marks, said: Marks) -> float | None:
    """The mean of the shares of those that bear a label, and of those that do not, of which the right is said."""
    if bears.all() or not bears.any():
        return None
    return float((said[bears].mean() + (~said[~bears]).mean()) / 2)


def _singles(name: str, reading: _Reading) -> Iterator[Label]:
    kept = np.flatnonzero(reading.told)
    rest = len(kept)  # all labels that cannot be told are one class
    classes = np.full(len(reading.names), rest)
    classes[kept] = np.arange(rest)
    counted = classes[reading.counted]
    used = rest + int((counted == rest).sum() >= LEAST)
    known = counted < used
    ours, theirs = (
        np.column_stack([side[:, kept], 1 - side[:, kept].sum(1), marks[:, kept]])
        for side, marks in zip(reading.scores, reading.marks, strict=True)
    )
    shares = prevalence(ours[known], counted[known], theirs) if rest else None
    for code, value in enumerate(reading.names):
        share = shares[classes[code]] if shares and reading.told[code] else None
        yield _label(
            {name: value},
            data=reading.codes == code,
            bears=reading.counted == code,
            marks=(reading.marks[0][:, code], reading.marks[1][:, code]),
            share=share,
            chosen_by=float(reading.chosen_by[code]),
        )


def _pairs(names: tuple[str, str], readings: tuple[_Reading, _Reading]) -> Iterator[Label]:
    one, other = readings
    for a, b in np.ndindex(len(one.names), len(other.names)):
        data = (one.codes == a) & (other.codes == b)
        if not data.any():
            continue
        codes = 2 * (one.counted != a) + (other.counted != b)
        told = one.told[a] and other.told[b]
        yield _label(
            {names[0]: one.names[a], names[1]: other.names[b]},
            data=data,
            bears=codes == 0,
            marks=tuple(x[:, a] & y[:, b] for x, y in zip(one.marks, other.marks, strict=True)),
            share=_share_of_pair(one, other, a, b, codes) if told and (codes == 0).sum() >= LEAST else None,
            chosen_by=float(min(one.chosen_by[a], other.chosen_by[b])),
        )


def _share_of_pair(one: _Reading, other: _Reading, a: int, b: int, codes: Codes) -> Prevalence | None:
    """The share of samples that bear both labels: of four classes, with both, either or none."""
    counts = np.bincount(codes, minlength=4)
    numbers = np.cumsum(counts >= LEAST) - 1
    known = (counts >= LEAST)[codes]
    ours, theirs = (
        np.column_stack(
            [_both(one.scores[side], other.scores[side], a, b), _both(one.marks[side], other.marks[side], a, b)]
        )
        for side in (0, 1)
    )
    shares = prevalence(ours[known], numbers[codes[known]], theirs)
    return None if shares is None else shares[0]


def _both(one: Values | Marks, other: Values | Marks, a: int, b: int) -> Values:
    """Scores of both labels, either and none ``(n, 4)`` from those of each."""
    u, v = one[:, a].astype(np.float64), other[:, b].astype(np.float64)
    return np.column_stack([u * v, u * (1 - v), (1 - u) * v, (1 - u) * (1 - v)])


def _label(
    value: Mapping[str, str],
    *,
    data: Marks,
    bears: Marks,
    marks: tuple[Marks, ...],
    share: Prevalence | None,
    chosen_by: float,
) -> Label:
    """A label as its marks are counted; not yet corrected for how many there are."""
    ours, theirs = marks
    counts = [np.array([int(side.sum())]) for side in marks]
    counted = compare(counts[0], counts[1], n_real=len(ours), n_fake=len(theirs))[0]
    return Label(
        **vars(counted) | (UNTESTED if share is None else {}),
        value=value,
        data_share=float(data.mean()),
        samples_share=share,
        accuracy=_accuracy(bears, ours),
        chosen_by=chosen_by,
        told=share is not None,
    )
