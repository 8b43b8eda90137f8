"""Locality-sensitive hashing, the peer that Prioritized DCI was compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.seeding import stream
from ..search import Exact
from .points import Points

Setting = Callable[[Tensor, int], tuple[Tensor, float, int]]  # queries, k -> ids, evaluations of a query, bytes


class E2LSH:
    """Tables of p-stable hashes ``floor((a.x + b) / w)`` (Datar et al. 2004, section 3.2).

    Args:
        points: ``(m, d)``.
        width: w.
        bits: hash functions of a table.
        tables: how many.
    """

    def __init__(self, points: Tensor, *, width: float, bits: int, tables: int) -> None:
        rng = stream(0, "lsh", bits, tables)
        self.points = points
        self.width = width
        self.a = torch.randn(tables, points.shape[1], bits, generator=rng)
        self.b = torch.rand(tables, 1, bits, generator=rng) * width
        self.mix = torch.randint(1, 2**31 - 1, (bits,), generator=rng)
        self.keys, self.order = self._keys(points).sort(dim=1)

    def _keys(self, x: Tensor) -> Tensor:
        cells = ((x @ self.a + self.b) / self.width).floor().to(torch.int64)
        return (cells * self.mix).sum(2)  # tables x points

    @property
    def nbytes(self) -> int:
        """A key of 8 bytes and a number of 4 for every point in every table."""
        return self.keys.numel() * 12

    def query(self, queries: Tensor, k: int) -> tuple[Tensor, float]:
        """The k nearest of all that share a cell, and how many those are, on average.

        Nothing is found where cells hold more than a fifth of the points: such a setting saves no work.
        """
        wanted = self._keys(queries)
        low, high = (torch.searchsorted(self.keys, wanted, right=right).numpy() for right in (False, True))
        order, ids, evaluations = self.order.numpy(), torch.full((len(queries), k), -1), 0
        if (high - low).max(axis=0).mean() > len(self.points) / 5:
            return ids, float(len(self.points))
        for q, query in enumerate(queries):
            ranges = zip(order, low[:, q], high[:, q], strict=True)
            candidates = np.unique(np.concatenate([row[start:end] for row, start, end in ranges]))
            evaluations += len(candidates)
            if len(candidates):
                ids[q] = nearest_of(self.points, torch.from_numpy(candidates), query, k)
        return ids, evaluations / len(queries)


def nearest_of(points: Tensor, candidates: Tensor, query: Tensor, k: int) -> Tensor:
    """The k nearest of some candidates, ``(k,)``, -1 beyond them."""
    distances = (points[candidates] - query).norm(dim=1)
    best = distances.topk(min(k, len(candidates)), largest=False).indices
    return torch.nn.functional.pad(candidates[best], (0, k - len(best)), value=-1)


def e2lsh_settings(data: Points) -> Iterator[Setting]:
    """Widths in units of the median distance to the nearest point, bits and tables."""
    index = Exact(data.points.shape[1])
    index.add(data.points, borrow=True)
    near = float(index.query(data.queries, 1).distances.median())
    for bits, tables, width in product((8, 12, 16, 24), (8, 16, 32), (1.0, 2.0, 3.0, 4.0)):

        def ask(queries: Tensor, k: int, made: partial[E2LSH]) -> tuple[Tensor, float, int]:
            index = made()
            ids, evaluations = index.query(queries, k)
            return ids, evaluations, index.nbytes

        yield partial(ask, made=partial(E2LSH, data.points, width=width * near, bits=bits, tables=tables))


def sign_settings(data: Points) -> Iterator[Setting]:
    """Codes of signs of random projections, compared by Hamming distance, the nearest ranked again (faiss' LSH)."""
    try:
        import faiss
    except ImportError:
        return

    def ask(queries: Tensor, k: int, index: Any, count: int, size: int) -> tuple[Tensor, float, int]:
        listed = torch.from_numpy(index.search(queries.numpy(), max(k, count))[1])
        ids = torch.stack([nearest_of(data.points, row, q, k) for row, q in zip(listed, queries, strict=True)])
        return ids, float(max(k, count)), size

    for bits in (64, 128, 256, 512):
        index = faiss.IndexLSH(data.points.shape[1], bits)
        index.train(data.points.numpy())
        index.add(data.points.numpy())
        for share in (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32):
            count, size = round(share * len(data.points)), bits // 8 * len(data.points)
            yield partial(ask, index=index, count=count, size=size)
