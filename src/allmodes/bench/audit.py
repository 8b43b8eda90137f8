"""``allmodes bench audit``: how often the audit is wrong, on losses that are known because they were planted.

The 'samples' are other real data, so that nothing but what was planted is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from ..auditing import STANDARD, Findings
from ..auditing.views import AUTO
from ..core.errors import UserError, did_you_mean
from ..reports.words import title_of
from . import laws, pairs
from .planted import (
    NAMES,
    Plant,
    Planted,
    blurred,
    class_kept,
    copied,
    darkest_removed,
    fewer,
    noisy,
    nothing,
    pale,
    part_removed,
    pools,
    pose_removed,
    reddest_removed,
    thinned,
    tinted,
)
from .seen import Seen
from .table import Row, Table

SPACES = (AUTO,)
AUDITS = 20  # of every loss
NULLS = {500: 20, 1_000: 4, 2_000: 4, 5_000: 2}  # as many times more with nothing planted, by the examples of a side
MEASURED = 4  # of these times, those with the metrics of others, where they are enough to tell what is unusual
EXAMPLES = 2_000
WORSE = {  # the sign of worse
    **{"frechet_distance": 1, "fid": 1, "kernel_distance": 1, "kid": 1, "ndb": 1},
    **dict.fromkeys(("precision", "recall", "density", "coverage", "f8", "f1/8", "vendi", "support_size"), -1),
    **dict.fromkeys(("clipped_density", "clipped_coverage", "memorisation", "authenticity"), -1),
}


@dataclass(frozen=True)
class Case:
    """A defect with the size at which it is looked for.

    Args:
        name: for tables.
        plant: draws data and samples.
        examples: of either side.
        colour: whether it is planted in colour images alone.
    """

    name: str
    plant: Plant
    examples: int = EXAMPLES
    colour: bool = False


CASES = (
    Case("a class removed", class_kept(0.0), 500),
    Case("a class removed", class_kept(0.0), 1_000),
    Case("a class removed", class_kept(0.0)),
    Case("a class at a quarter of its share", class_kept(0.25), 5_000),
    Case("a fifth of a class removed (2%)", part_removed(0.02), 5_000),
    Case("1% removed", part_removed(0.01)),
    Case("5% removed", part_removed(0.05)),
    Case("20% removed", part_removed(0.2)),
    Case("the darkest third removed", darkest_removed),
    Case("the reddest third removed", reddest_removed, colour=True),
    Case("a pose removed: a fifth on its side", pose_removed(0.2)),
    Case("thinned by the distance from the mean", thinned),
    Case("10% of the samples copied", copied(0.1)),
    Case("blurred samples", blurred),
    Case("noisy samples", noisy),
    Case("a third of the contrast", pale),
    Case("a colour cast", tinted, colour=True),
    Case("a quarter of the samples", fewer),
)
FACES = (
    Case("a person removed", class_kept(0.0)),
    Case("a pose removed: a fifth on its side", pose_removed(0.2)),
)


@dataclass(frozen=True)
class Plan:
    """What is audited.

    Args:
        audits: of every loss; with nothing planted there are more (see ``NULLS``).
        spaces: features to look in, one after the other: a name, several joined by commas, which are the views of one
            audit, or ``"auto"`` for those of an audit by default.
        metrics: of others, to hold beside.
        images: of each data set, from the first one on; None for all.
    """

    audits: int = AUDITS
    spaces: Sequence[str] = SPACES
    metrics: Sequence[str] = STANDARD
    images: int | None = None


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
        least: the lower end of its interval.
        held: whether that is at most the truth; NaN where this is not known.
        differs: whether the samples are said to differ from the data.
        copied: estimate of the copied mass.
        shown: the views that show a loss.
        metrics: those of others, by name.
    """

    alarm: bool
    named: bool
    pure: float
    whole: float
    auroc: float
    dropped: float
    least: float
    held: float
    differs: bool
    copied: float
    shown: tuple[str, ...]
    metrics: Mapping[str, float]


PLANTED = (
    "Losses that were planted",
    "'found' is the share of audits that call any region or label dropped: false alarms where nothing is lost. "
    "'labels right': they name those labels that lost all, and none that lost nothing. 'pure' is the share of the thin "
    "members of dropped regions that is truly lost, 'whole regions' that of all members. 'AUROC' is that of the "
    "ranking of examples. 'bound holds': the least that is said to be dropped is no more than what is (of spoilt "
    "samples, which may lie elsewhere than the data, nobody knows). 'differ': the samples are said to differ from the "
    "data. 'shown in': the views that show a loss, each with its share of the audits.",
)
OTHERS = (
    "What other metrics see of them",
    "Share of audits in which a metric is worse than in 95% of those of the same size with nothing lost, of which "
    f"there are {MEASURED} times as many.",
)
APART: Mapping[str, tuple[tuple[str, str], Callable[[int, Callable[[str], None]], list[Row]]]] = {
    "laws": (laws.ABOUT, laws.law_rows),
    "pairs": (pairs.ABOUT, pairs.pair_rows),
}  # beside the data sets of images


def all_tables(plan: Plan, *, data: str | None = None, progress: Callable[[str], None]) -> list[Table]:
    """The whole benchmark.

    Args:
        plan: how often, in which features, beside which metrics.
        data: only this data set, or only one of ``APART``.
        progress: told what is audited next.
    """
    if data is not None and data not in (*NAMES, *APART):
        raise UserError(f"bench audit knows no data '{data}'.{did_you_mean(data, (*NAMES, *APART))}")
    apart = [
        Table(*about, rows(plan.audits, progress)) for name, (about, rows) in APART.items() if data in (None, name)
    ]
    apart = [table for table in apart if table.rows]
    chosen = [] if data in APART else list(pools(NAMES if data is None else (data,)))
    if not chosen and not apart:
        raise UserError("None of the data is here: set ALLMODES_DATA to a folder that holds them.")
    table, others = Table(*PLANTED), Table(*OTHERS)
    for pool in chosen:
        for space in plan.spaces:
            ours, theirs = _measured(Seen(pool.first(plan.images), space), plan, progress)
            table.rows.extend(ours)
            others.rows.extend(theirs)
    return [*([table, others] if chosen else []), *apart]


def _measured(seen: Seen, plan: Plan, progress: Callable[[str], None]) -> tuple[list[Row], list[Row]]:
    """The rows of one data set in one feature space, of either table."""
    least = len(seen.pool.labels) // 2
    colour = seen.pool.images.shape[1] == 3
    losses = FACES if seen.pool.name == NAMES[-1] else [case for case in CASES if colour or not case.colour]
    sizes = dict.fromkeys(min(case.examples, least) for case in losses)
    nulls: dict[int, list[Outcome]] = {}
    ours, theirs = [], []
    cases = [*(Case("nothing", nothing, n) for n in sizes), *losses]
    for (_, n), case in {(case.name, min(case.examples, least)): case for case in cases}.items():
        times = NULLS.get(n, NULLS[EXAMPLES]) if case.plant is nothing else 1
        with_metrics = plan.audits * min(times, MEASURED) if NULLS.get(n, MEASURED) >= MEASURED else 0
        about: Row = {"data": seen.pool.name, "features": seen.space, "planted": case.name, "n": n}
        progress(", ".join(map(str, about.values())))
        found = [
            _audited(case, seen, n, seed, plan.metrics if seed < with_metrics else ())
            for seed in range(times * plan.audits)
        ]
        ours.append(about | {"audits": len(found)} | _summed(found))
        if case.plant is nothing:
            nulls[n] = found[:with_metrics]
        elif with_metrics:
            theirs.append(about | {"audits": len(found)} | _worse(found, nulls[n]))
    return ours, theirs


def _audited(case: Case, seen: Seen, n: int, seed: int, metrics: Sequence[str]) -> Outcome:
    planted = case.plant(seen.pool, n, np.random.default_rng(seed))
    return _judged(planted, seen.audit(planted, metrics, seed))


def _judged(planted: Planted, found: Findings) -> Outcome:
    members = [i for region in found.dropped for i in region.members]
    thin = [i for region in found.dropped for i in region.members[: region.thin]]
    order = [example.index for example in found.examples]
    scores = [example.score for example in found.examples]
    low = found.dropped_mass.ci95[0]
    return Outcome(
        alarm=bool(found.dropped or found.labels_dropped),
        named=_named(planted, found),
        pure=float(planted.lost[thin].mean()) if thin else np.nan,
        whole=float(planted.lost[members].mean()) if members else np.nan,
        auroc=float(roc_auc_score(planted.lost[order], scores)) if planted.lost.any() else np.nan,
        dropped=found.dropped_mass.estimate,
        least=low,
        held=np.nan if planted.dropped is None else float(low <= planted.dropped),
        differs=found.difference.p_value <= found.alpha,
        copied=found.copied_mass.estimate,
        shown=found.answer().shown_in,
        metrics={name: score.value for name, score in found.summary.items()},
    )


def _named(planted: Planted, found: Findings) -> bool:
    named = {int(label.value["label"]) for label in found.labels_dropped}
    touched = set(planted.labels[planted.lost].tolist())
    return touched - set(planted.labels[~planted.lost].tolist()) <= named <= touched


def _summed(found: Sequence[Outcome]) -> Row:
    def mean(values: Sequence[float]) -> float | str:
        known = [value for value in values if not np.isnan(value)]
        return float(np.mean(known)) if known else ""

    shown = Counter(name for outcome in found for name in outcome.shown)
    return {
        "found": mean([outcome.alarm for outcome in found]),
        "labels right": mean([outcome.named for outcome in found]),
        "pure": mean([outcome.pure for outcome in found]),
        "whole regions": mean([outcome.whole for outcome in found]),
        "AUROC": mean([outcome.auroc for outcome in found]),
        "dropped mass": mean([outcome.dropped for outcome in found]),
        "at least": mean([outcome.least for outcome in found]),
        "bound holds": mean([outcome.held for outcome in found]),
        "differ": mean([outcome.differs for outcome in found]),
        "copied mass": mean([outcome.copied for outcome in found]),
        "shown in": ", ".join(f"{name} {times / len(found):.2g}" for name, times in shown.items()),
    }


def _worse(found: Sequence[Outcome], nulls: Sequence[Outcome]) -> Row:
    row: Row = {}
    for name in nulls[0].metrics:
        edge = np.quantile([WORSE[name] * null.metrics[name] for null in nulls], 0.95, method="higher")
        row[title_of(name)] = float(np.mean([WORSE[name] * outcome.metrics[name] > edge for outcome in found]))
    return row
