"""The audit: which part of the data a generator leaves out, and how sure that is.

Every feature space at hand that suits the data is a view (:mod:`.views`). In each of them (:mod:`.look`):

1. Both sides are embedded and reduced to their leading principal components (:mod:`.features`).
2. A third of the data draws regions at several resolutions; the rest and the samples are counted in them; an exact test
   of every region says how surely it is dropped (:mod:`.regions`, :mod:`.shares`). Labels, where they are known, are
   tested alike (:mod:`.labels`). All tests of all views are corrected together (:func:`.view.corrected`).
3. The ratio of local densities around every real example ranks them (:mod:`.density`). A score that one half of both
   sides learns, and the other half is counted by, says how much of the data is dropped, at least (:mod:`.ratios`). All
   this is held against the samples that are not far from all data: those that a generator wastes elsewhere do not thin
   out what the others serve.
4. Whether the samples differ from the data in any way at all (:mod:`.difference`).
5. The other direction: samples that crowd where hardly any data are, which cannot serve the rest; samples that copy the
   data, and samples far from all of it (:mod:`.nearness`).

Together they answer whether modes are dropped (:mod:`.verdict`), and how small a loss would have been seen
(:mod:`.power`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

from torch import Tensor

from ..core.errors import UserError
from ..core.progress import working
from ..core.records import Score
from ..model import Model
from .examples import LARGEST, LEAST, Examples, Source, open_examples
from .features import halved
from .findings import Findings
from .look import Question, look
from .pairs import split_pairs
from .scores import STANDARD, Pair, measure
from .space import Space, certify
from .tables import Table, order_notes, table_of
from .view import View, corrected
from .views import AUTO, Wanted, choose
from .words import Words, choose_words

FEW = 1_000
REPEATED = 0.05  # of the data may be equal to others of them


def audit(
    real: Source,
    fake: Source,
    *,
    distance: Wanted = AUTO,
    inputs: Tensor | None = None,
    labels: object = None,
    metrics: Sequence[str] = STANDARD,
    words: str | Path | Sequence[str] | None = None,
    fraction: float = 0.5,
    seed: int = 0,
    skip_damaged: bool = False,
) -> Findings:
    """Find what the samples leave out of the data.

    Of more than 50,000 of either, so many are drawn at random. Numbers of examples count those that are drawn then;
    ``found.real.numbers(...)`` are their numbers in the source, which the page and ``audit.json`` tell.

    Args:
        real: the data: a path, an array or tensor (see :func:`.examples.open_examples`).
        fake: samples, or a run or model to draw them from.
        distance: the feature spaces to look in: their names, also separated by commas, ``"auto"``: all at hand that
            suit the data (:data:`.views.VIEWS`), or functions (:class:`Own`); no use where features are given.
        inputs: that the real examples answer: what is missing is missing given these, see :func:`.pairs.split_pairs`.
        labels: of the real examples, ``(n,)``, a mapping of attributes to such, of which pairs are looked at, too, or a
            file of them (see :func:`.tables.read_table`).
        metrics: that others report, by name (see :mod:`.scores`), in all dimensions of the feature space that is named
            first; by default in EfficientNet-Lite0 where it is a view, else in pixels.
        words: that CLIP holds against what is missing, a file or a list (see :mod:`.words`).
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of the split, the regions, the samples of a model and what is drawn at random.
        skip_damaged: leave out pictures that cannot be read, and say so.

    Raises:
        UserError: a side cannot be read or is too small, they do not go together, or what is asked for is not there.
    """
    _check(fraction, seed)
    data, samples, table = _opened(real, fake, inputs=inputs, labels=labels, seed=seed, skip_damaged=skip_damaged)
    given = {"table": table, "metrics": metrics, "fraction": fraction, "seed": seed}
    return _in_views(data, samples, distance, words, given)


def _in_views(
    data: Examples,
    samples: Examples,
    distance: Wanted,
    words: str | Path | Sequence[str] | None,
    given: Mapping[str, Any],
) -> Findings:
    """An audit in the views that are asked for, with the words that are."""
    chosen = choose(distance, data, max(len(data), len(samples)))
    spoken = choose_words(words, data, chosen.distances)
    names = [each.name for each in chosen.distances]
    spaces = (Space.of(data, samples, each) for each in chosen.distances)
    told: dict[str, Any] = {"words": spoken.words, "warnings": (*chosen.warnings, *spoken.warnings)}
    return audit_spaces(data, samples, spaces, views=len(names), main=names.index(chosen.main), **given, **told)


def share_features(
    real: Source,
    fake: Source,
    *,
    distance: Wanted = AUTO,
    inputs: Tensor | None = None,
    seed: int = 0,
    skip_damaged: bool = False,
) -> None:
    """Keep costly features that an audit of the same arguments in another process will ask for.

    Raises:
        UserError: as :func:`audit`.
    """
    data, samples, _ = _opened(real, fake, inputs=inputs, labels=None, seed=seed, skip_damaged=skip_damaged)
    for each in choose(distance, data, max(len(data), len(samples))).distances:
        for side in (data, samples):
            side.share(each)


def audit_spaces(
    data: Examples,
    samples: Examples,
    spaces: Iterable[Space],
    *,
    views: int,
    main: int = 0,
    table: Table,
    metrics: Sequence[str] = STANDARD,
    words: Words | None = None,
    fraction: float = 0.5,
    seed: int = 0,
    warnings: Sequence[str] = (),
) -> Findings:
    """Look in one feature space after the other, and put together what they show.

    Args:
        data: the real examples.
        samples: of the generator.
        spaces: with both sides in them; only one is held at a time.
        views: how many there are.
        main: the number of that which metrics of others are measured in.
        table: the labels of the real examples.
        metrics: that others report, by name.
        words: that are held against the parts of pictures.
        fraction: of its share that a part of the data must keep not to be called dropped.
        seed: of what is drawn at random.
        warnings: what was not at hand.
    """
    asked = Question(halved(len(data), seed), table, fraction, seed, views)
    looked, summary, certificate = _looked(data, samples, spaces, asked, main=main, metrics=metrics)
    return Findings(
        **_sides(data, samples),
        fraction=fraction,
        views=corrected(looked, fraction=fraction),
        summary=summary,
        certificate={**certificate, "components": looked[main].features.shape[1]},
        warnings=(*data.notes, *samples.notes, *warnings, *_warnings(data, samples)),
        words=words,
    )


def _sides(data: Examples, samples: Examples) -> dict[str, Any]:
    """What findings hold of both."""
    return {"n_real": len(data), "n_fake": len(samples), "real": data, "fake": samples}


def _looked(
    data: Examples, samples: Examples, spaces: Iterable[Space], asked: Question, *, main: int, metrics: Sequence[str]
) -> tuple[list[View], Mapping[str, Score], dict[str, Any]]:
    """What each view shows by itself, and the metrics of others and their certificate in the main one."""
    looked = []
    with working("Auditing" if asked.views == 1 else f"Auditing in {asked.views} views", asked.views) as advance:
        for number, space in enumerate(spaces):
            if number == main:
                certificate = certify(data, samples, space, asked.seed)
                pair = Pair(space.sides.real, space.sides.fake, asked.half, asked.seed)
                summary = measure(pair, metrics, space=space.name, certificate=certificate)
            looked.append(look(space, data.files, asked))
            advance(1)
    return looked, summary, certificate


def _opened(
    real: Source, fake: Source, *, inputs: Tensor | None, labels: object, seed: int, skip_damaged: bool
) -> tuple[Examples, Examples, Table]:
    """Data and samples, or halves of pairs of them, and the labels of the data."""
    most = LARGEST if inputs is None else None  # answers pair with their inputs by their order
    data = open_examples(real, seed=seed, skip_damaged=skip_damaged, most=most)
    table = table_of(labels, data)
    data = replace(data, notes=(*data.notes, *order_notes(labels, data.files)))
    if inputs is None:
        return data, open_examples(fake, like=data, seed=seed, skip_damaged=skip_damaged, most=most), table
    answers = fake if isinstance(fake, Model) else open_examples(fake, like=data, skip_damaged=skip_damaged)
    data, samples, mine = split_pairs(data, answers, inputs, seed)
    if len(samples) < LEAST:
        pairs = len(data) + len(samples)
        raise UserError(
            f"The pairs are too few ({pairs}): each stands on one side, so an audit needs at least {2 * LEAST}."
        )
    return data, samples, {name: [values[row] for row in mine.tolist()] for name, values in table.items()}


def _check(fraction: float, seed: int) -> None:
    if not 0 < fraction <= 1:
        raise UserError(f"The fraction is {fraction}, but must be above 0 and at most 1.")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"The seed is {seed}, but must be a whole number and at least 0.")


def _warnings(data: Examples, samples: Examples) -> tuple[str, ...]:
    """What may be wrong with the two sides, or is little."""
    said = []
    if data.resize != samples.resize:
        how = [f"resized ({side.resize})" if side.resize != "none" else "as they are" for side in (data, samples)]
        said.append(
            f"The data are looked at {how[0]}, and the samples {how[1]}: if the generator did not learn from data that "
            "were resized so, this alone may set them apart."
        )
    if (same := data.repeated) > REPEATED * len(data):
        said.append(
            f"{same:,} of the {len(data):,} data are equal to others of them. All tests take examples to be "
            "independent of each other: where copies were made, they call parts dropped that are not. Keep each once."
        )
    if (few := min(len(data), len(samples))) < FEW:
        said.append(f"With {few} examples on one side only large losses can be seen.")
    return tuple(said)
