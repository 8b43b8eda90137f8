"""What a benchmark reports, and how a search is judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..search import Exact
from .points import Points

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table of the benchmark.

    Args:
        title: what is compared.
        about: how to read it.
        rows: columns by name.
    """

    title: str
    about: str
    rows: list[Row] = field(default_factory=list)

    def to_markdown(self) -> str:
        """Heading, explanation and table."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [f"### {self.title}", "", self.about, "", "| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        lines += ["| " + " | ".join(_text(row.get(name, "")) for name in names) + " |" for row in self.rows]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Truth:
    """The exact answer: distances ``(q, k)``, ascending."""

    distances: Tensor

    @classmethod
    def of(cls, data: Points, k: int) -> Truth:
        index = Exact(data.points.shape[1])
        index.add(data.points, borrow=True)
        return cls(index.query(data.queries, k).distances)

    def judge(self, data: Points, ids: Tensor) -> dict[str, float]:
        """Recall, and the mean ratio of the distances found to the true ones."""
        k = ids.shape[1]
        found = (data.points[ids.clamp_min(0)] - data.queries[:, None]).norm(dim=2).masked_fill(ids < 0, torch.inf)
        true = self.distances[:, :k]
        right = found <= true[:, -1:] * (1 + 1e-5)
        return {
            f"recall@{k}": float(right.float().mean()),
            "ratio": float((found / true.clamp_min(1e-12)).clamp_max(1e3).mean()),
        }
