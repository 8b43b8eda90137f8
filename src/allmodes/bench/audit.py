"""``allmodes bench audit``: how often the audit is wrong, on losses that are known because they were planted.

The 'samples' are other real data, so that nothing but what was planted is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from ..auditing import Findings, audit
from ..core.errors import UserError
from .planted import Plant, Planted, Pool, blurred, class_kept, copied, fewer, noisy, nothing, part_removed, pools
from .table import Row, Table

SPACES = ("pixels", "random-convolution")
NULLS, MORE_NULLS, AUDITS = 200, 40, 20
EXAMPLES = 2_000
WORSE = {"frechet_distance": 1, "precision": -1, "recall": -1, "density": -1, "coverage": -1}  # the sign of worse


@dataclass(frozen=True)
class Case:
    """A defect with the size at which it is looked for.

    Args:
        name: for tables.
        plant: draws data and samples.
        examples: of either side.
        audits: that are counted.
    """

    name: str
    plant: Plant
    examples: int = EXAMPLES
    audits: int = AUDITS


NULL = Case("nothing", nothing, audits=NULLS)
CASES = (
    Case("nothing", nothing, 5_000, MORE_NULLS),
    Case("a class removed", class_kept(0.0)),
    Case("a class at a quarter of its share", class_kept(0.25), 5_000),
    Case("a fifth of a class removed (2%)", part_removed(0.02), 5_000),
    Case("1% removed", part_removed(0.01)),
    Case("5% removed", part_removed(0.05)),
    Case("20% removed", part_removed(0.2)),
    Case("10% of the samples copied", copied(0.1)),
    Case("blurred samples", blurred),
    Case("noisy samples", noisy),
    Case("a quarter of the samples", fewer),
)
FACES = (NULL, Case("a person removed", class_kept(0.0)))


@dataclass(frozen=True)
class Outcome:
    """What one audit said of what was planted.

    Args:
        alarm: whether any region or label is called dropped.
        named: whether the labels called dropped are those that lost all their examples, and none that lost nothing.
        pure: share of the thin members of dropped regions that are truly lost, or NaN.
        whole: the same share of all their members.
        auroc: of the ranking of examples by what is lost, or NaN.
        dropped: estimate of the dropped mass.
        held: whether its interval holds the truth.
        copied: estimate of the copied mass.
        metrics: those of others, by name.
    """

    alarm: bool
    named: bool
    pure: float
    whole: float
    auroc: float
    dropped: float
    held: bool
    copied: float
    metrics: Mapping[str, float]


def all_tables(*, quick: bool, data: str | None = None, progress: Callable[[str], None]) -> list[Table]:
    """The whole benchmark.

    Args:
        quick: a tenth of the audits.
        data: only this data set.
        progress: told what is audited next.
    """
    table = Table(
        "Losses that were planted",
        "'found' is the share of audits that call any region or label dropped: false alarms where nothing is lost. "
        "'labels right': they name those labels that lost all, and none that lost nothing. 'pure' is the share of the "
        "thin members of dropped regions that is truly lost, 'whole regions' that of all members. 'AUROC' is that of "
        "the ranking of examples.",
    )
    others = Table(
        "What other metrics see of them",
        "Share of audits in which a metric is worse than in 95% of those of the same size with nothing lost.",
    )
    here = list(pools())
    chosen = [pool for pool in here if data in (None, pool.name)]
    if not chosen:
        raise UserError(f"There is no data set '{data}' here: choose from {', '.join(pool.name for pool in here)}.")
    for pool in chosen:
        for space in SPACES:
            ours, theirs = _measured(pool, space, quick=quick, progress=progress)
            table.rows.extend(ours)
            others.rows.extend(theirs)
    return [table, others]


def _measured(pool: Pool, space: str, *, quick: bool, progress: Callable[[str], None]) -> tuple[list[Row], list[Row]]:
    """The rows of one data set in one feature space, of either table."""
    least = len(pool.labels) // 2
    few = least < EXAMPLES
    nulls: dict[int, list[Outcome]] = {}
    ours, theirs = [], []
    for case in FACES if few else (NULL, *CASES):
        n = min(case.examples, least)
        about: Row = {"data": pool.name, "features": space, "planted": case.name, "n": n}
        progress(", ".join(map(str, about.values())))
        repeats = case.audits // (10 if quick else 1)
        found = _audits(case, pool, space, n, repeats)
        ours.append(about | {"audits": repeats} | _summed(found))
        if case.plant is nothing:
            nulls[n] = found
        elif n in nulls:
            theirs.append(about | _seen(found, nulls[n]))
    return ours, theirs


def _audits(case: Case, pool: Pool, space: str, n: int, repeats: int) -> list[Outcome]:
    found = []
    for seed in range(repeats):
        planted = case.plant(pool, n, np.random.default_rng(seed))
        findings = audit(planted.real, planted.fake, distance=space, labels=planted.labels, seed=seed)
        found.append(_judged(planted, findings))
    return found


def _judged(planted: Planted, found: Findings) -> Outcome:
    members = [i for region in found.dropped for i in region.members]
    thin = [i for region in found.dropped for i in region.members[: region.thin]]
    order = [example.index for example in found.examples]
    scores = [example.score for example in found.examples]
    low, high = found.dropped_mass.ci95
    return Outcome(
        alarm=bool(found.dropped or found.labels_dropped),
        named=_named(planted, found),
        pure=float(planted.lost[thin].mean()) if thin else np.nan,
        whole=float(planted.lost[members].mean()) if members else np.nan,
        auroc=float(roc_auc_score(planted.lost[order], scores)) if planted.lost.any() else np.nan,
        dropped=found.dropped_mass.estimate,
        held=low <= planted.dropped <= high,
        copied=found.copied_mass.estimate,
        metrics={name: found.summary[name].value for name in WORSE},
    )


def _named(planted: Planted, found: Findings) -> bool:
    named = {int(label.value["label"]) for label in found.labels_dropped}
    touched = set(planted.labels[planted.lost].tolist())
    return touched - set(planted.labels[~planted.lost].tolist()) <= named <= touched


def _summed(found: Sequence[Outcome]) -> Row:
    def mean(values: Sequence[float]) -> float | str:
        known = [value for value in values if not np.isnan(value)]
        return float(np.mean(known)) if known else ""

    return {
        "found": mean([outcome.alarm for outcome in found]),
        "labels right": mean([outcome.named for outcome in found]),
        "pure": mean([outcome.pure for outcome in found]),
        "whole regions": mean([outcome.whole for outcome in found]),
        "AUROC": mean([outcome.auroc for outcome in found]),
        "dropped mass": mean([outcome.dropped for outcome in found]),
        "interval holds it": mean([outcome.held for outcome in found]),
        "copied mass": mean([outcome.copied for outcome in found]),
    }


def _seen(found: Sequence[Outcome], nulls: Sequence[Outcome]) -> Row:
    row: Row = {}
    for name, sign in WORSE.items():
        edge = np.quantile([sign * null.metrics[name] for null in nulls], 0.95)
        row[name.replace("_", " ")] = float(np.mean([sign * outcome.metrics[name] > edge for outcome in found]))
    return row
