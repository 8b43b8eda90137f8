"""The claims of the papers on Dynamic Continuous Indexing: fewer evaluations than hashing, and how work grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ..search import DCI
from . import lsh
from .points import Points, gaussian, real
from .table import Row, Table, Truth


def hashing(*, quick: bool) -> Table:
    """Prioritized DCI against locality-sensitive hashing, as its authors compared them."""
    table = Table(
        "Distance evaluations at equal approximation ratio, k = 25",
        "The rule of the papers (random directions, L-infinity order, 3 x 10 and 2 x 7) against LSH with tuned widths, "
        "tables and bits, each at the setting with fewest evaluations whose ratio is at most the target. 'Times' is "
        "evaluations of LSH over those of DCI; bytes are beyond the data.",
    )
    for data in real(100)[: 1 if quick else None]:
        truth = Truth.of(data, 25)
        for target in (1.05, 1.02, 1.01):
            ours = _fewest(_dci_settings(data), data, truth, target)
            for name, settings in (
                ("E2LSH", lsh.e2lsh_settings(data)),
                ("faiss LSH + re-rank", lsh.sign_settings(data)),
            ):
                theirs = _fewest(settings, data, truth, target)
                row: Row = {"data": data.name, "ratio": target, "DCI evaluations": ours and ours[0], "against": name}
                row |= {
                    "evaluations": theirs and theirs[0],
                    "DCI bytes": ours and ours[1],
                    "bytes": theirs and theirs[1],
                }
                if ours and theirs:
                    row |= {"times": theirs[0] / ours[0], "memory times": theirs[1] / ours[1]}
                table.rows.append(row)
    return table


Setting = Callable[[Tensor, int], tuple[Tensor, float, int]]  # queries, k -> ids, evaluations a query, bytes


def _dci_settings(data: Points) -> Iterator[Setting]:
    for simple, composite in ((7, 2), (10, 3)):
        index = DCI(data.points.shape[1], simple=simple, composite=composite, order="linf", directions="random")
        index.add(data.points, borrow=True)
        for share in (0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12):

            def ask(queries: Tensor, k: int, index: DCI = index, share: float = share) -> tuple[Tensor, float, int]:
                found = index.query(queries, k, retrieve=max(k, round(share * len(index))))
                return found.ids, found.evaluations / len(queries), index.nbytes

            yield ask


def _fewest(settings: Iterator[Setting], data: Points, truth: Truth, target: float) -> tuple[float, int] | None:
    """Evaluations and bytes of the cheapest setting that is good enough; None if none is."""
    good = []
    for ask in settings:
        ids, evaluations, size = ask(data.queries, 25)
        if truth.judge(data, ids)["ratio"] <= target:
            good.append((evaluations, size))
    return min(good, default=None)


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
