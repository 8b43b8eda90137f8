"""The searches that are compared: ours and those of others, each as 'build over points' and 'query'.

A peer that is not installed is left out of the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from ..search import DCI, Auto, Exact, Faiss
from ..search.dci import built

Ask = Callable[[Tensor, int], Tensor]  # queries (q, d) and k -> ids (q, k)


@dataclass(frozen=True)
class Peer:
    """A search with its setting.

    Args:
        name: with the setting, for tables.
        build: from points ``(m, d)`` to a function that answers queries.
    """

    name: str
    build: Callable[[Tensor], Ask]


def exact(precision: str = "float32", device: str | None = None) -> Peer:
    """Our exact search; on a ``device``, the points come from main memory."""

    def build(points: Tensor) -> Ask:
        index = Exact(points.shape[1], precision=precision, device=device)  # type: ignore[arg-type]
        index.add(points, borrow=True)
        return lambda queries, k: index.query(queries, k).ids

    return Peer(f"exact {precision}" + (f" on {device}" if device else ""), build)


def auto(queries: int) -> Peer:
    """The cheapest by our cost model for so many queries."""

    def build(points: Tensor) -> Ask:
        index = Auto(points.shape[1], queries=queries)
        index.add(points, borrow=True)
        return lambda queries, k: index.query(queries, k).ids

    return Peer("auto", build)


def dci(directions: str, simple: int = 16, retrieve: int | None = None, order: str = "l2") -> Peer:
    """DCI with two composite indices."""
    setting = f"{order}, {directions}, 2 x {simple}" + ("" if retrieve is None else f", retrieve {retrieve}")

    def build(points: Tensor) -> Ask:
        index = DCI(points.shape[1], simple=simple, order=order, directions=directions)  # type: ignore[arg-type]
        index.add(points, borrow=True)
        return lambda queries, k: index.query(queries, k, retrieve=retrieve).ids

    return Peer(f"DCI ({setting})", build)


def faiss(factory: str, **settings: int) -> Peer:
    """A faiss index; ``settings`` are its parameters of building and of asking."""
    setting = ", ".join([factory, *(f"{key} {value}" for key, value in settings.items())])

    def build(points: Tensor) -> Ask:
        index = Faiss(points.shape[1], factory=factory)
        for key, value in settings.items():
            index.parameter(key, value)
        index.add(points)
        return lambda queries, k: index.query(queries, k).ids

    return Peer(f"faiss ({setting})", build)


def hnsw(links: int, construction: int, ef: int) -> Peer:
    """hnswlib (Malkov & Yashunin 2018)."""

    def build(points: Tensor) -> Ask:
        index = new_hnsw(points.shape[1], len(points), links=links, construction=construction)
        index.add_items(points.numpy())
        index.set_ef(ef)

        def ask(queries: Tensor, k: int) -> Tensor:
            index.set_ef(max(ef, k))
            return torch.from_numpy(index.knn_query(queries.numpy(), k)[0].astype("int64"))

        return ask

    return Peer(f"hnswlib (M {links}, construction {construction}, ef {ef})", build)


def new_hnsw(dim: int, room: int, *, links: int, construction: int) -> Any:
    """An empty hnswlib index."""
    import hnswlib

    index = hnswlib.Index(space="l2", dim=dim)
    index.init_index(max_elements=room, M=links, ef_construction=construction)
    index.set_num_threads(torch.get_num_threads())
    return index


def installed(*peers: Peer) -> list[Peer]:
    """Those whose package, compiler or device is here."""
    missing = {
        "hnswlib": not find_spec("hnswlib"),
        "faiss": not find_spec("faiss"),
        "DCI": not built(),
        "auto": not built(),
    }

    def here(peer: Peer) -> bool:
        if peer.name.endswith("on cuda"):
            return torch.cuda.is_available()
        return not missing.get(peer.name.split(" ")[0], False)

    return [peer for peer in peers if here(peer)]
