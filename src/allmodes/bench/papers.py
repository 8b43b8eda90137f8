"""The claims of the papers on Dynamic Continuous Indexing: fewer evaluations than hashing, and how work grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from ..search import DCI
from . import lsh
from .lsh import Setting
from .points import Points, gaussian, real
from .table import Row, Table, Truth
from .timing import seconds

RULES = (("linf", "random"), ("l2", "pca"))
TARGETS = (1.05, 1.02, 1.01)


def hashing(*, quick: bool) -> Table:
    """Prioritized DCI against locality-sensitive hashing, as its authors compared them."""
    table = Table(
        "Distance evaluations at equal approximation ratio, k = 25",
        "DCI (2 x 7 and 3 x 10) by the rule of the papers, that is L-infinity order and random directions, and as it "
        "is by default, against LSH with tuned widths, tables and bits: each at the setting with fewest evaluations "
        "whose ratio is at most the target. 'Times' is evaluations of LSH over DCI's; bytes are beyond the data.",
    )
    for data in real(100)[: 1 if quick else None]:
        truth = Truth.of(data, 25)
        ours = {rule: _outcomes(_dci_settings(data, *rule), data, truth) for rule in RULES}
        rivals = {"E2LSH": lsh.e2lsh_settings(data), "faiss LSH + re-rank": lsh.sign_settings(data)}
        for name, settings in rivals.items():
            theirs = _outcomes(settings, data, truth)
            for rule, target in product(RULES, TARGETS):
                row = {"data": data.name, "ratio": target, "DCI": ", ".join(rule), "against": name}
                table.rows.append(row | _compared(ours[rule], theirs, target))
    return table


@dataclass(frozen=True, order=True)
class Outcome:
    """What a setting costs and reaches."""

    evaluations: float
    nbytes: int
    ratio: float


def _outcomes(settings: Iterable[Setting], data: Points, truth: Truth) -> list[Outcome]:
    outcomes = []
    for ask in settings:
        ids, evaluations, size = ask(data.queries, 25)
        outcomes.append(Outcome(evaluations, size, truth.judge(data, ids)["ratio"]))
    return outcomes


def _compared(ours: list[Outcome], theirs: list[Outcome], target: float) -> Row:
    """The cheapest setting of each that is good enough."""
    row: Row = {}
    best, rival = (min((o for o in all_ if o.ratio <= target), default=None) for all_ in (ours, theirs))
    if best:
        row |= {"DCI evaluations": best.evaluations, "DCI bytes": best.nbytes}
    if rival:
        row |= {"evaluations": rival.evaluations, "bytes": rival.nbytes}
    if best and rival:
        row |= {"times": rival.evaluations / best.evaluations, "memory times": rival.nbytes / best.nbytes}
    return row


def _dci_settings(data: Points, order: Any, directions: Any) -> Iterator[Setting]:
    for simple, composite in ((7, 2), (10, 3)):
        index = DCI(data.points.shape[1], simple=simple, composite=composite, order=order, directions=directions)
        index.add(data.points, borrow=True)
        for share in (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12):

            def ask(queries: Tensor, k: int, index: DCI = index, share: float = share) -> tuple[Tensor, float, int]:
                found = index.query(queries, k, retrieve=max(k, round(share * len(index))))
                return found.ids, found.evaluations / len(queries), index.nbytes

            yield ask


def prioritized(*, quick: bool) -> Table:
    """How long the papers' traversal takes for what it finds, with one cell and with levels."""
    table = Table(
        "Prioritized DCI: time for recall, k = 25",
        "Lists visited nearest first, random directions, 100 queries at once; visits and evaluations are of one query.",
    )
    for data in real(100)[: 1 if quick else None]:
        truth = Truth.of(data, 25)
        for simple, levels in product((7, 10) if quick else (7, 10, 16), (1, 2, 3)):
            built = partial(_lists, data.points, simple, levels)
            build, index = seconds(built, repeats=1), built()
            for retrieve in (30, 120, 600):
                ask = partial(index.query, data.queries, 25, retrieve=retrieve)
                each, found = seconds(ask, repeats=3) / len(data.queries), ask()
                row: Row = {"data": data.name, "indices": f"2 x {simple}", "levels": levels, "retrieve": retrieve}
                row |= {"build s": build, "ms/query": each * 1e3} | truth.judge(data, found.ids)
                counts = {"visits": found.visits, "evaluations": found.evaluations}
                table.rows.append(row | {what: round(count / len(data.queries)) for what, count in counts.items()})
    return table


def _lists(points: Tensor, simple: int, levels: int) -> DCI:
    index = DCI(points.shape[1], simple=simple, order="prioritized", directions="random", levels=levels)
    index.add(points, borrow=True)
    return index


def growth(*, quick: bool) -> Table:
    """How many list entries Prioritized DCI visits."""
    table = Table(
        "Visits of the priority queue, 1 x 7 directions in 50 dimensions, 25 retrieved",
        "The exponent is of visits in n; the papers' analysis gives 1 - 1/d' for intrinsic dimension d'.",
    )
    sizes = (1_000, 3_000, 10_000) if quick else (1_000, 3_000, 10_000, 30_000, 100_000)
    for latent in (2, 5, 10, 20):
        visits = []
        for n in sizes:
            data = gaussian(n, 50, 20, latent=latent)
            index = DCI(50, simple=7, composite=1, order="prioritized", directions="random")
            index.add(data.points)
            visits.append(index.query(data.queries, 1, retrieve=25).visits / 20)
        logs = torch.tensor([sizes, visits], dtype=torch.float64).log()
        slope = float(
            ((logs[0] - logs[0].mean()) * (logs[1] - logs[1].mean())).sum() / (logs[0] - logs[0].mean()).pow(2).sum()
        )
        row: Row = {"intrinsic dimension": latent, "exponent": slope, "1 - 1/d'": 1 - 1 / latent}
        table.rows.append(row | {f"n = {n:,}": v for n, v in zip(sizes, visits, strict=True)})
    return table
