"""The audit of a trained run, against the data that it was trained on."""

from __future__ import annotations

import sys

import numpy as np

from ..training.build import build_dataset
from ..training.run import Run
from .audit import audit
from .features import LEAST

EXAMPLES = 2_000  # of either side
PER_LABEL = 20  # examples of a label, on average, below which labels are not looked at


def audit_run(run: Run) -> None:
    """Leave ``audit/audit.json`` and ``audit/index.html`` in the folder of a finished run.

    A run that has them is left alone, and so is one on too few data.

    Raises:
        UserError: the data or the model cannot be read, or the folder cannot be written.
    """
    folder = run.path / "audit"
    if (folder / "audit.json").exists():
        return
    seed = run.recipe.settings.seed
    batch = build_dataset(run.recipe).batch(0, EXAMPLES, seed)
    _, first = np.unique(batch.index.numpy(), return_index=True)  # of few data, each is taken once
    if len(first) < LEAST:
        return
    print(f"Auditing {EXAMPLES:,} samples against {len(first):,} examples ...", file=sys.stderr)
    labels = None if batch.labels is None else batch.labels[first].numpy()
    few = labels is not None and len(set(labels.tolist())) <= len(first) // PER_LABEL
    samples = run.model().sample(EXAMPLES, seed=seed)
    found = audit(batch.images[first], samples, labels=labels if few else None, seed=seed)
    found.to_html(folder / "index.html")
    found.to_json(folder / "audit.json")
