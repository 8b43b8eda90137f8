"""A trained run against the data that it was trained on: its audit, and metrics in any feature space."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Batch, Score
from ..distances.base import Distance
from ..model import Model
from ..reports.audits import holds_audit, is_outdated
from ..runs.callbacks import note_time
from ..runs.run import Run
from .audit import audit
from .examples import LEAST, Examples
from .features import halved
from .scores import Pair, measure
from .space import Space, certify

Split = Literal["training", "test"]
EXAMPLES = 2_000  # of either side
PER_LABEL = 20  # examples of a label, on average, below which labels are not looked at


def audit_run(run: Run) -> None:
    """Leave ``audit/audit.json`` and ``audit/index.html`` in the folder of a finished run.

    A run that has them is left alone, unless they are of an earlier version, and so is one on too few data.

    Raises:
        UserError: the data or the model cannot be read, or the folder cannot be written.
    """
    folder, began = run.path / "audit", time.monotonic()
    if holds_audit(folder) and not is_outdated(folder):
        return
    model, seed = run.model(), run.recipe.settings.seed
    asked = model.generator.conditioned == "inputs"
    batch = _examples(run, model, 2 * EXAMPLES if asked else EXAMPLES)  # of pairs, half are on each side
    if len(batch) < (2 * LEAST if asked else LEAST):
        return
    count = len(batch) // 2 if asked else EXAMPLES
    print(f"Auditing {count:,} samples against {len(batch):,} examples ...", file=sys.stderr)
    labels = None if batch.labels is None else batch.labels.numpy()
    few = labels is not None and len(set(labels.tolist())) <= len(batch) // PER_LABEL
    found = audit(
        Examples.of(batch.images),
        model if asked else Examples.of(model.sample(EXAMPLES, seed=seed)),
        inputs=batch.inputs if asked else None,
        labels=labels if few else None,
        seed=seed,
    )
    found.save(folder)
    note_time(run.path / "metrics.jsonl", "audit", time.monotonic() - began)


def measure_run(
    run: Run,
    names: Sequence[str],
    *,
    distance: Distance,
    count: int,
    split: Split = "training",
    sigma: float = 1.0,
    steps: int | None = None,
) -> dict[str, Score]:
    """Metrics of a run's samples against its training data or test split, by name, each with its certificate.

    Args:
        run: a trained one.
        names: of metrics, see :mod:`.scores`.
        distance: the feature space.
        count: samples, and as many real examples if there are so many.
        split: of the data, that they are held against.
        sigma: scale of the noise that samples are drawn from, see :meth:`~allmodes.model.Model.sample`.
        steps: that the solver of a flow takes; None for those of its recipe.

    Raises:
        UserError: the data or the model cannot be read, they have no test split, ``sigma`` is not positive, the
            generator takes no steps, or there is no such metric.
    """
    seed, model = run.recipe.settings.seed, run.model()
    if steps is not None:
        model.solve_in(steps)
    batch, drawn = _sides(run, model, count, split, sigma)
    data, samples = Examples.of(batch.images), Examples.of(drawn)
    space = Space.of(data, samples, distance)
    pair = Pair(space.sides.real, space.sides.fake, halved(len(data), seed), seed)
    certificate = {**certify(data, samples, space, seed), "split": f"{split} data"}
    if sigma != 1:
        certificate["sigma"] = sigma
    if steps is not None:
        certificate["steps"] = steps
    return measure(pair, names, space=space.name, certificate=certificate)


def _sides(run: Run, model: Model, count: int, split: Split = "training", sigma: float = 1.0) -> tuple[Batch, Tensor]:
    """Different examples, at most so many, and as many samples as asked for."""
    seed = run.recipe.settings.seed
    dataset = run.dataset(model)
    if split == "test":
        unseen = dataset.unseen("test")
        if len(unseen) == 0:
            raise UserError(f"The data of {run.path} have no test split: leave out --split test.")
        real = unseen[:count]
        return real, model.sample(count, seed=seed, sigma=sigma, condition=_repeated(real.inputs, count))
    batch = dataset.batch(0, count, seed)
    return _different(batch), model.sample(count, seed=seed, sigma=sigma, condition=batch.inputs)


def _examples(run: Run, model: Model, count: int) -> Batch:
    """Different examples of the data that this model was trained on, at most so many."""
    return _different(run.dataset(model).batch(0, count, run.recipe.settings.seed))


def _different(batch: Batch) -> Batch:
    """Each example once, of few data."""
    first = np.unique(batch.index.numpy(), return_index=True)[1]
    return batch[torch.from_numpy(first)]


def _repeated(inputs: Tensor | None, count: int) -> Tensor | None:
    """So many inputs, from the first on, as often as it takes; None where there are none."""
    return None if inputs is None else inputs[torch.arange(count) % len(inputs)]
