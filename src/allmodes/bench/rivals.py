"""``allmodes bench rivals``: the audit beside methods of others that rank or name what is missing, on planted losses.

All see the same 64 principal components of the same features, and no labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.metrics import roc_auc_score
from torch import Tensor

from ..auditing import audit
from ..auditing.features import Features, halved
from ..auditing.space import Sides
from ..core.errors import UserError
from .audit import Case
from .missing import Ranked, bins, finc, pqmass
from .planted import Planted, class_kept, nothing, part_removed, pools, thinned
from .seen import Seen
from .table import Row, Table

AUDITS, EXAMPLES = 10, 2_000
CASES = (
    Case("nothing", nothing, EXAMPLES),
    Case("a class removed", class_kept(0.0), EXAMPLES),
    Case("20% removed", part_removed(0.2), EXAMPLES),
    Case("5% removed", part_removed(0.05), EXAMPLES),
    Case("thinned by the distance from the mean", thinned, EXAMPLES),
)
ABOUT = (
    "Methods that rank or name what is missing",
    "'AUROC' is that of the ranking of examples by what is lost. 'found': share of audits in which a method says that "
    "something is missing by its own rule; false alarms where nothing is. 'stands out': its largest figure is beyond "
    "those of all audits with nothing lost. The audit names parts; NDB bins with too few samples; PQMass says that "
    "both sides differ in any way, and FINC has no rule. 'seconds' are of processor time, after features are known.",
)
Method = Callable[[Tensor, Tensor, int], Ranked]


def audited(real: Tensor, fake: Tensor, seed: int) -> Ranked:
    """The audit, without labels and the metrics of others."""
    found = audit(real, fake, metrics=(), seed=seed)
    scores = np.zeros(len(real))
    for example in found.examples:
        scores[example.index] = example.score
    return Ranked(scores, bool(found.dropped), found.dropped_mass.estimate)


METHODS: Mapping[str, Method] = {
    "audit": audited,
    "FINC": finc,
    "NDB": bins,
    "NDB, corrected": partial(bins, corrected=True),
    "PQMass": pqmass,
}


@dataclass(frozen=True)
class Said:
    """What a method said of one planted loss.

    Args:
        auroc: of its ranking, or NaN where nothing is lost.
        missing: whether something is missing, by its own rule, or None.
        strength: its largest figure.
        seconds: of processor time that it took.
    """

    auroc: float
    missing: bool | None
    strength: float
    seconds: float


def all_tables(
    *, audits: int = AUDITS, data: str = "mnist", space: str = "pixels", progress: Callable[[str], None]
) -> list[Table]:
    """The head-to-head.

    Args:
        audits: of every loss, by the seeds 0, 1, ...; with nothing lost twice as many.
        data: where losses are planted.
        space: the one view to look in.
        progress: told what is measured next.
    """
    table = Table(*ABOUT)
    for pool in pools((data,)):
        table.rows.extend(_rows(Seen(pool, space), audits, progress))
    if not table.rows:
        raise UserError(f"There is no data '{data}' here: set ALLMODES_DATA to a folder that holds it.")
    return [table]


def _rows(seen: Seen, audits: int, progress: Callable[[str], None]) -> list[Row]:
    rows: list[Row] = []
    nulls: dict[str, list[Said]] = {}
    for case in CASES:
        progress(f"{seen.pool.name}, {seen.space}, {case.name}")
        n = min(case.examples, len(seen.pool.labels) // 2)
        times = 2 * audits if case.plant is nothing else audits
        found: dict[str, list[Said]] = {name: [] for name in METHODS}
        for seed in range(times):
            planted = case.plant(seen.pool, n, np.random.default_rng(seed))
            sides = _sides(seen, planted, seed)
            for name, method in METHODS.items():
                found[name].append(_said(method, planted, sides, seed))
        nulls = nulls or found
        about: Row = {"data": seen.pool.name, "features": seen.space, "planted": case.name, "n": n, "audits": times}
        rows.extend(about | {"method": name} | _summed(said, nulls[name]) for name, said in found.items())
    return rows


def _sides(seen: Seen, planted: Planted, seed: int) -> Sides:
    whole = Sides(seen.features(planted.real)[0], seen.features(planted.fake, planted.spoil)[0])
    return Features.of(whole, halved(len(whole.real), seed)).pooled


def _said(method: Method, planted: Planted, sides: Sides, seed: int) -> Said:
    began = time.process_time()
    ranked = method(sides.real, sides.fake, seed)
    took = time.process_time() - began
    auroc = float(roc_auc_score(planted.lost, ranked.scores)) if planted.lost.any() else np.nan
    return Said(auroc, ranked.missing, ranked.strength, took)


def _summed(found: Sequence[Said], nulls: Sequence[Said]) -> Row:
    rule = found[0].missing is not None
    most = max(said.strength for said in nulls)
    lost = not np.isnan(found[0].auroc)
    return {
        "AUROC": float(np.mean([said.auroc for said in found])) if lost else "",
        "found": float(np.mean([bool(said.missing) for said in found])) if rule else "",
        "stands out": float(np.mean([said.strength > most for said in found])) if lost else "",
        "seconds": float(np.median([said.seconds for said in found])),
    }
