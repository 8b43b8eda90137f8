"""``allmodes bench sanity``: the audit's masses, and the measures of others, before the sanity checks of the field.

Which mass stands for what: what is *dropped* is coverage's opposite, what is *invented*, far from all data, is
fidelity's. What *crowds* is where samples are more than five times denser than data. It is held against fidelity, too,
though it must fail wherever samples are only too many of a kind: such samples are as real as any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..auditing import Farness, Ratios, Scores, dropped_mass, thin_mass
from ..auditing.examples import LEAST
from ..auditing.features import Features, halved
from ..auditing.ratios import CROWDED
from ..auditing.scores import SUPPORT, K
from ..auditing.space import Sides
from ..metrics import clipped_density_coverage, prdc
from .checks import CHECKS, Case, Check, Demand
from .curves import Verdict
from .draws import Points
from .table import Row, Table

REPEATS = 10
AUDIT = {"invented": "fidelity", "crowded": "fidelity", "dropped": "coverage"}
OTHERS = {
    "precision": "fidelity",
    "density": "fidelity",
    "clipped_density": "fidelity",
    "recall": "coverage",
    "coverage": "coverage",
    "clipped_coverage": "coverage",
}
MEASURES: Mapping[str, str] = {**AUDIT, **OTHERS}
TITLES = {name: f"1 - {name} mass" for name in AUDIT} | {name: name.replace("_", " ") for name in OTHERS}
VERDICTS = (
    "Sanity checks",
    "The checks of Räisä, van Breugel and van der Schaar (2025, arXiv:2505.22450), written anew: 'yes' is passed, "
    "else the cases that fail are named. 'low' and 'high' are the two readings of coverage that the paper "
    "allows where samples are wider than the data. A measure must show on average over repeats: the *purpose*, that "
    "is the shape of its curve; the *bounds*, 0 or 1 within 0.05 at the ends; that it has settled at 1,000 *data* or "
    "*samples*; that *units* play no part.",
)
VALUES = ("Curves", "The means, from the least to the largest value of what is varied.")


@dataclass(frozen=True)
class Curves:
    """What was measured of one case of a check.

    Args:
        check: that it belongs to.
        case: its dimension, or way round.
        means: of every measure, at each value of what is varied.
        deviations: their standard deviations over repeats.
    """

    check: Check
    case: Case
    means: Mapping[str, Mapping[float, float]]
    deviations: Mapping[str, Mapping[float, float]]


def all_tables(
    *, repeats: int = REPEATS, progress: Callable[[str], None], checks: Sequence[Check] = CHECKS
) -> list[Table]:
    """The verdicts, and the curves.

    Args:
        repeats: of every draw, by the seeds 0, 1, ...
        progress: told what is measured next.
        checks: to make.
    """
    verdicts, values = Table(*VERDICTS), Table(*VALUES)
    for check in checks:
        found = []
        for case in check.cases:
            progress(f"{check.name}, {case.name}")
            found.append(_measured(check, case, repeats))
        verdicts.rows.extend(_judged(check, demand, found) for demand in check.demands)
        values.rows.extend(row for curves in found for row in _shown(curves))
    return [verdicts, values]


def measures(real: Points, fake: Points, seed: int) -> dict[str, float]:
    """All measures of data ``(n, D)`` and samples ``(m, D)``, turned so that 1 is good."""
    data, samples = (torch.from_numpy(side).float() for side in (real, fake))
    found = {
        score.name: score.value
        for score in (
            *prdc(data, samples, k=K, support=SUPPORT).values(),
            *clipped_density_coverage(data, samples, k=K),
        )
    }
    return {name: 1 - mass for name, mass in masses(data, samples, seed).items()} | found


def masses(real: Tensor, fake: Tensor, seed: int) -> dict[str, float]:
    """The audit's estimates of masses by name, without its regions, examples and tests, which take longer."""
    half = halved(len(real), seed)
    both = Features.of(Sides(real, fake), half).pooled
    far = Farness.of(both.real, both.fake, half)
    near = far.near() if far.near().sum() >= LEAST else np.ones(len(fake), bool)
    kept = both.fake[torch.from_numpy(near)]
    outer = Farness.of(kept, both.real, halved(len(kept), seed))
    ratios = Ratios.between(both.real, both.fake, seed=seed)
    return {
        "invented": far.mass().estimate,
        "crowded": thin_mass(ratios.reversed(), fraction=CROWDED).estimate,
        "dropped": dropped_mass(ratios.only(near), Scores(-outer.samples, -outer.held_out)).estimate,
    }


def _measured(check: Check, case: Case, repeats: int) -> Curves:
    means: dict[str, dict[float, float]] = {name: {} for name in MEASURES}
    deviations: dict[str, dict[float, float]] = {name: {} for name in MEASURES}
    for value in case.values:
        drawn = [case.draw(value, np.random.default_rng(seed)) for seed in range(repeats)]
        found = [measures(*sides, seed) for seed, sides in enumerate(drawn)]
        for name in MEASURES:
            figures = [figure[name] for figure in found]
            means[name][value], deviations[name][value] = float(np.mean(figures)), float(np.std(figures))
    return Curves(check, case, means, deviations)


def _judged(check: Check, demand: Demand, found: Sequence[Curves]) -> Row:
    row: Row = {"check": check.name, "asked": demand.asked}
    for name, role in MEASURES.items():
        row[TITLES[name]] = _said({curves.case.name: _meets(demand, role, curves.means[name]) for curves in found})
    return row


def _meets(demand: Demand, role: str, curve: Mapping[float, float]) -> Verdict:
    """False where any criterion fails; the reading where one has a name."""
    found = [criterion(curve) for criterion in (demand.fidelity if role == "fidelity" else demand.coverage)]
    return all(found) and next((verdict for verdict in found if isinstance(verdict, str)), True)


def _said(verdicts: Mapping[str, Verdict]) -> str:
    failed = [name for name, verdict in verdicts.items() if not verdict]
    if failed:
        return f"no ({', '.join(failed)})" if len(verdicts) > 1 else "no"
    readings = {verdict for verdict in verdicts.values() if isinstance(verdict, str)}
    if len(readings) > 1:  # of one measure, neither reading
        return "no (low and high)"
    return "".join(readings) or "yes"


def _shown(curves: Curves) -> list[Row]:
    return [
        {"check": curves.check.name, "case": curves.case.name, "varied": curves.check.varied, "value": value}
        | {TITLES[name]: means[value] for name, means in curves.means.items()}
        | {f"{TITLES[name]}, deviation": spread[value] for name, spread in curves.deviations.items()}
        for value in curves.case.values
    ]
