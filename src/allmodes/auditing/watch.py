"""A watch: the audit of every checkpoint that a training leaves, from the first on, until it has ended.

A training keeps its newest checkpoints alone, so each is looked at as it appears; of a training that has ended, those
that are left, and its model. Data, halves, regions and the noise of the samples are the same at every look, so what
changes from one to the next is the generator. What is found stands in ``watch.json`` in the run's folder after each
look: a watch that is stopped goes on where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.locks import abandoned, locked
from ..distances.base import Distance
from ..model import CHECKPOINTS, Model, load, load_checkpoint
from ..reports import write_report
from ..reports.watched import WATCH, Look, Part, Watched, read_watch
from ..runs.folder import LOCK
from .audit import audit
from .examples import LARGEST, SAMPLES, Examples, Source, open_examples
from .findings import Findings
from .regions import Region
from .scores import STANDARD
from .tables import Table, table_of
from .views import AUTO, Wanted, choose

PAUSE = 5.0  # seconds between two looks for a new checkpoint
WATCHER = ".watch"

Inputs = Callable[[Model, Examples], Tensor | None]
Then = Callable[[Look, Findings], None]


def no_inputs(model: Model, data: Examples) -> Tensor | None:
    """Of a model that answers none."""
    return None


def watch(
    real: Source,
    run: str | Path,
    *,
    distance: Wanted = AUTO,
    inputs: Inputs = no_inputs,
    labels: object = None,
    metrics: Sequence[str] = STANDARD,
    words: str | Path | Sequence[str] | None = None,
    seed: int = 0,
    skip_damaged: bool = False,
    then: Then = lambda look, found: None,
) -> Watched:
    """Audit every checkpoint of a run as it appears, until its training has ended; earlier looks count, too.

    Args:
        real, distance, labels, metrics, words, seed, skip_damaged: see :func:`.audit.audit`.
        run: the folder of a run, in training or not.
        inputs: of the first model and the data, what a conditional one answers, one of each example.
        then: what to do with each look, and the audit behind it; what raises here is not noted as a look.

    Raises:
        UserError: there is no run, it was watched otherwise before, or it has no checkpoint.
    """
    run = Path(run)
    if not (run / "recipe.yaml").exists():
        raise UserError(f"{run} is not a run: it holds no recipe.yaml. Begin the training, then watch it.")
    data = open_examples(real, seed=seed, skip_damaged=skip_damaged, most=LARGEST)
    table = table_of(labels, data)
    asked: dict[str, Any] = {"labels": labels, "metrics": metrics, "words": words, "seed": seed}
    asked["distance"] = distance
    basis = basis_of(data, choose(distance, data, max(len(data), SAMPLES)).distances, table, seed)
    with locked(run / WATCHER, "another watch is at work there"):
        watched = _watched(run, data, basis, inputs, asked, then)
    if not watched.looks:
        raise UserError(f"The training in {run} is not at work, and has no checkpoint yet: give its command again.")
    return watched


def _watched(
    run: Path, data: Examples, basis: Mapping[str, Any], inputs: Inputs, asked: Mapping[str, Any], then: Then
) -> Watched:
    """Look at every model of the run, and note each look once it is told: a kill in between repeats it."""
    given, seed = None, basis["seed"]
    if looks_at(run, basis).looks:
        write_report([run], run / "report.html")  # the last look may have been killed before this
    for model in models(run, basis):
        before = looks_at(run, basis)
        given = inputs(model, data) if given is None else given
        found = audit(data, samples_of(model, seed) if given is None else model, inputs=given, **asked)
        look = look_of(found, int(model.card["images"]), before)
        if _goes_on(run, before):
            then(look, found)
        if _goes_on(run, before):
            before.having(look).save(run)
            write_report([run], run / "report.html")
    return looks_at(run, basis)


def _goes_on(run: Path, before: Watched) -> bool:
    """Whether the training was not started over since these were its looks."""
    now = read_watch(run)
    return now is not None and now.document() == before.document()


def basis_of(data: Examples, distances: Sequence[Distance], table: Table, seed: int) -> dict[str, Any]:
    """What every look of a watch depends on, beside the model."""
    return {
        "real": data.fingerprint,
        "labels": digest(repr(sorted(table.items()))) if table else None,
        "distance": ", ".join(each.name for each in distances),
        "fingerprint": ", ".join(each.fingerprint() for each in distances),
        "seed": seed,
    }


def looks_at(run: Path, basis: Mapping[str, Any]) -> Watched:
    """The looks at a run so far; the file is made where there is none, as after a training that is started over.

    Raises:
        UserError: they are of another kind, or the run's folder is gone.
    """
    if not run.is_dir():  # a training that is started over leaves the folder
        raise UserError(f"{run} was deleted or moved while it was watched: watch it where it is now.")
    before = read_watch(run)
    if before is None:
        before = Watched(basis)
        before.save(run)
    other = next((key for key in basis if before.basis.get(key) != basis[key]), None)
    if other is not None:
        what = {"real": "data", "fingerprint": "distance"}.get(other, other)
        raise UserError(f"{run / WATCH} was begun with other {what}: ask as before, or delete it to begin anew.")
    return before


def models(run: Path, basis: Mapping[str, Any]) -> Iterator[Model]:
    """The models of a run that were not looked at, the earliest first, until its training is no longer at work.

    A training lets go of its lock at its very end: what there is after that is all.

    Args:
        run: its folder.
        basis: of the looks.
    """
    read: set[tuple[str, int]] = set()
    while True:
        works = (run / LOCK).exists() and not abandoned(run / LOCK)
        for path in sorted((run / "checkpoints").glob(CHECKPOINTS)):
            model = _unread(path, read)
            if model is not None and _is_new(model, run, basis):
                yield model
        if not works:
            break
        time.sleep(PAUSE)
    if (run / "model").is_dir() and _is_new(last := load(run), run, basis):
        yield last


def _unread(path: Path, read: set[tuple[str, int]]) -> Model | None:
    """The model in a checkpoint that was not read before; None if it was, is damaged, or made room for a later one."""
    try:
        at = path.name, path.stat().st_mtime_ns
        if at in read:
            return None
        read.add(at)
        return load_checkpoint(path)
    except FileNotFoundError:
        return None
    except UserError as error:
        if path.exists():
            print(f"{error} It is passed over.", file=sys.stderr)
        return None


def _is_new(model: Model, run: Path, basis: Mapping[str, Any]) -> bool:
    return all(look.images != model.card["images"] for look in looks_at(run, basis).looks)


def samples_of(model: Model, seed: int) -> Examples:
    """Samples from the same noise at every look; their features are not kept, since nobody asks for them again."""
    return replace(Examples.of(model.sample(SAMPLES, seed=seed)), passing=True)


def look_of(found: Findings, images: int, before: Watched) -> Look:
    """What stands of an audit in a watch."""
    dropped = {(part.region.view, part.region.id) for part in found.parts}
    followed = {(part.view, part.region) for look in before.looks for part in look.parts}
    known = [region for region in found.regions if (region.view, region.id) in dropped | followed]
    return Look(
        images=images,
        collapse=found.answer().collapse,
        estimate=found.dropped_mass.estimate,
        least=found.dropped_mass.ci95[0],
        parts=tuple(_part(region, found.n_real, (region.view, region.id) in dropped) for region in known),
        summary={name: score.value for name, score in found.summary.items()},
    )


def _part(region: Region, n_real: int, dropped: bool) -> Part:
    share = len(region.members) / n_real
    counts = {label: (region.label_counts or {})[label] for label in region.typical}
    return Part(region.view, region.id, share, region.ratio, region.q_value, dropped, counts)
