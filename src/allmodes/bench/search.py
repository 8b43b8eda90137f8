"""``allmodes bench search``: every claim about the searches, side by side in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor

from ..search import DCI, Faiss
from ..search.cost import measured
from ..search.dci import built
from . import peers
from .papers import growth, hashing, prioritized
from .peers import Ask, Peer
from .points import Points, decoded, real
from .table import Row, Table, Truth
from .timing import Machine, seconds

WARM = 64  # queries before the clock starts: threads and buffers are there


def rebuild(machine: Machine, *, quick: bool) -> Table:
    """Build and ask, as IMLE does every few steps."""
    shapes = [(10_000, 128), (10_000, 784), (10_000, 3_072), (60_000, 784), (100_000, 784)][: 2 if quick else None]
    table = Table(
        "Build over m new points, then ask for the nearest of n queries",
        "Seconds for both. 'Times' is against the best exact float32 of the row group; 'limit' is the least time by "
        "measured arithmetic and memory over the measured time.",
    )
    for m, d in shapes:
        data = decoded(m, d, 1_000)
        truth = Truth.of(data, 1)
        for n in (30, 100, 1_000):
            table.rows.extend(_rebuilt(machine, Points(data.name, data.points, data.queries[:n]), truth))
    return table


def _rebuilt(machine: Machine, data: Points, truth: Truth) -> Iterator[Row]:
    (m, d), n = data.points.shape, len(data.queries)
    rivals = peers.installed(
        peers.exact(),
        peers.faiss("Flat"),
        peers.exact("bfloat16"),
        peers.exact(device="cuda"),
        peers.exact("bfloat16", device="cuda"),
        peers.dci("random", retrieve=round(m**0.5) + 8),
        peers.dci("pca"),
        peers.auto(n),
        peers.faiss(f"IVF{round(m**0.5)},Flat", nprobe=8),
        peers.faiss("HNSW8,Flat", efConstruction=30, efSearch=16),
        peers.hnsw(8, 30, 16),
    )
    times, found = {}, {}
    for peer in rivals:
        if "hnsw" in peer.name.lower() and m * d > 10_000 * 3_072:
            continue  # minutes, and far behind already at a tenth of the size

        def once(peer: Peer = peer) -> None:
            found[peer.name] = peer.build(data.points)(data.queries, 1)

        times[peer.name] = seconds(once, repeats=3)
    best = min(times[name] for name in times if name in ("exact float32", "faiss (Flat)"))
    for name, taken in times.items():
        row = {"m": m, "d": d, "n": n, "search": name, "seconds": taken, "times": best / taken}
        row |= Truth(truth.distances[:n]).judge(data, found[name])
        if name == "exact float32":
            row["limit"] = machine.exact(n, m, d) / taken
        if name.startswith("DCI"):
            candidates = m**0.5 + 8 if "random" in name else max(64.0, m**0.5 / 2 + 4)
            row["limit"] = machine.dci(n, m, d, depth=32, candidates=candidates, build=True) / taken
        yield row


def standing(machine: Machine, *, quick: bool) -> Table:
    """Many queries to an index that stands."""
    table = Table(
        "An index that stands: 1,000 queries at once",
        "Microseconds for a query, one build. 'Times' is against our exact float32 search.",
    )
    for data in real(1_000)[: 1 if quick else None]:
        for k in (1, 25):
            truth, base = Truth.of(data, k), 0.0
            for peer in peers.installed(
                peers.exact(),
                peers.exact(device="cuda"),
                peers.faiss("Flat"),
                peers.dci("random", retrieve=120 if k == 1 else 600),
                peers.dci("random", 32, retrieve=200 if k == 1 else 600),
                peers.dci("pca", retrieve=64 if k == 1 else 180),
                peers.faiss("IVF489,Flat", nprobe=8),
                *([] if quick else [peers.hnsw(16, 100, 64)]),
            ):
                build, ids, each = _standing(peer, data, k)
                base = base or each
                row = {"data": data.name, "k": k, "search": peer.name, "build s": build, "us/query": each * 1e6}
                table.rows.append(
                    row | {"times": base / each} | truth.judge(data, ids) | _limit(machine, data, peer, each)
                )
    return table


def _standing(peer: Peer, data: Points, k: int) -> tuple[float, Tensor, float]:
    began = time.perf_counter()
    ask = peer.build(data.points)
    build = time.perf_counter() - began
    ask(data.queries[:WARM], k)
    each = seconds(lambda: ask(data.queries, k), repeats=3) / len(data.queries)
    return build, ask(data.queries, k), each


def _limit(machine: Machine, data: Points, peer: Peer, each: float) -> Row:
    (m, d), n = data.points.shape, len(data.queries)
    if peer.name == "exact float32":
        return {"limit": machine.exact(n, m, d) / n / each}
    if peer.name.startswith("DCI"):
        depth, candidates = (
            2 * int(peer.name.split(" x ")[1].split(",")[0]),
            float(peer.name.split("retrieve ")[1][:-1]),
        )
        return {"limit": machine.dci(n, m, d, depth=depth, candidates=candidates, build=False) / n / each}
    return {}


def single(*, quick: bool) -> Table:
    """One query at a time."""
    table = Table("One query at a time", "Median microseconds of a query; 'times' is against exact float32.")
    for data in real(100)[: 1 if quick else None]:
        base = 0.0
        for peer in peers.installed(peers.exact(), peers.dci("random", retrieve=120), peers.dci("pca", retrieve=64)):
            each = seconds(partial(_one_by_one, peer.build(data.points), data.queries), repeats=3) / len(data.queries)
            base = base or each
            table.rows.append({"data": data.name, "search": peer.name, "us/query": each * 1e6, "times": base / each})
    return table


def _one_by_one(ask: Ask, queries: Tensor) -> None:
    for query in queries:
        ask(query[None], 1)


def updates(*, quick: bool) -> Table:
    """Insertion and deletion of a tenth."""
    table = Table("Insert and delete a tenth of the points", "Microseconds for a point, in one batch.")
    for data in real(1)[: 1 if quick else None]:
        tenth = len(data.points) // 10
        first, more = data.points[tenth:], data.points[:tenth]
        for index in _updatable(first, len(data.points)):
            began = time.perf_counter()
            ids = index.insert(more)
            inserted = time.perf_counter() - began
            began = time.perf_counter()
            index.delete(ids)
            deleted = time.perf_counter() - began
            each = {"insert us": inserted / tenth * 1e6, "delete us": deleted / tenth * 1e6}
            table.rows.append({"data": data.name, "search": index.name} | each)
    return table


@dataclass(frozen=True)
class Updatable:
    """An index that holds points already, with its two changes."""

    name: str
    insert: Callable[[Tensor], Tensor]  # points -> ids
    delete: Callable[[Tensor], object]  # ids


def _updatable(points: Tensor, room: int) -> Iterator[Updatable]:
    ours = DCI(points.shape[1])
    ours.add(points)
    yield Updatable("DCI (2 x 16)", ours.add, ours.remove)
    if find_spec("faiss"):
        lists = Faiss(points.shape[1], factory="IVF489,Flat")
        lists.add(points)
        yield Updatable("faiss (IVF489,Flat)", lists.add, lists.remove)
    if find_spec("hnswlib"):
        graph = peers.new_hnsw(points.shape[1], room, links=16, construction=100)
        graph.add_items(points.numpy())

        def insert(more: Tensor) -> Tensor:
            ids = torch.arange(len(points), len(points) + len(more))
            graph.add_items(more.numpy(), ids.numpy())
            return ids

        yield Updatable("hnswlib (M 16)", insert, lambda ids: [graph.mark_deleted(int(i)) for i in ids])


def all_tables(*, quick: bool, progress: Callable[[str], None]) -> tuple[Machine, list[Table]]:
    """The whole benchmark.

    Args:
        quick: fewer shapes: a minute instead of many.
        progress: told what is measured next.
    """
    machine = Machine.measured()
    if built():
        measured()  # the model behind the automatic choice, before any clock runs
    tables = []
    rebuilding, asking = partial(rebuild, machine), partial(standing, machine)
    parts: list[Callable[..., Table]] = [rebuilding, asking, single]
    if built():
        parts += [updates, prioritized, hashing, growth]
    for number, measure in enumerate(parts, start=1):
        progress(f"{number} of {len(parts)}")
        table = measure(quick=quick)
        if table.rows:
            tables.append(table)
    return machine, tables
