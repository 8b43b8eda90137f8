"""The benchmark's own arithmetic: what it measures is what it says."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from allmodes.bench import lsh, papers, peers, search
from allmodes.bench.plots import growth_plot
from allmodes.bench.points import Points, decoded, gaussian
from allmodes.bench.table import Table, Truth
from allmodes.bench.timing import Machine
from allmodes.core.errors import UserError

MACHINE = Machine(flops=1e10, stream=1e10, scattered=1e9)


def test_the_judge_knows_right_from_near() -> None:
    points = torch.arange(10.0)[:, None]
    data = Points("line", points, torch.tensor([[2.1], [7.1]]))
    truth = Truth.of(data, 2)
    assert truth.judge(data, torch.tensor([[2, 3], [7, 8]]))["recall@2"] == 1
    worse = truth.judge(data, torch.tensor([[2, 0], [-1, 8]]))
    assert worse["recall@2"] == 0.5
    assert worse["ratio"] > 1


def test_every_peer_answers_a_rebuild() -> None:
    data = decoded(2_500, 64, 20)
    rows = list(search._rebuilt(MACHINE, data, Truth.of(data, 1)))
    assert len(rows) == len(peers.installed(peers.exact(), peers.faiss("Flat"), peers.hnsw(8, 30, 16))) + 6
    assert all(row["recall@1"] > 0.6 and row["ratio"] < 1.1 for row in rows)
    assert all(row["limit"] > 0 for row in rows if row["search"].startswith(("DCI", "exact float32")))


def test_hashing_finds_more_in_more_tables_and_nothing_in_narrow_cells() -> None:
    data = gaussian(3_000, 12, 20, latent=4)
    truth = Truth.of(data, 5)
    recalls = []
    for tables in (1, 4, 16):
        ids, evaluations = lsh.E2LSH(data.points, width=2.0, bits=6, tables=tables).query(data.queries, 5)
        recalls.append(truth.judge(data, ids)["recall@5"])
        assert 0 < evaluations < 3_000
    assert recalls == sorted(recalls)
    assert recalls[-1] > 0.8
    assert lsh.E2LSH(data.points, width=1e-6, bits=8, tables=1).query(data.queries, 5)[1] < 1
    assert lsh.E2LSH(data.points, width=1e6, bits=2, tables=1).query(data.queries, 5)[1] == 3_000


def test_visits_grow_more_slowly_where_the_intrinsic_dimension_is_low() -> None:
    table = papers.growth(quick=True)
    exponents = {row["intrinsic dimension"]: row["exponent"] for row in table.rows}
    assert exponents[2] < exponents[20] < 1
    assert table.to_markdown().count("|") > 30


def test_limits_count_the_work() -> None:
    assert MACHINE.exact(1_000, 1_000, 100) == 2e8 / 1e10
    assert MACHINE.exact(1, 1_000, 100) == 4e5 / 1e10
    assert MACHINE.dci(1, 1_000, 100, depth=10, candidates=0, build=False) == 2 * 1_100 * 10 / 1e10


def test_a_plot_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    def part(figure: Figure, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half a picture")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Figure, "savefig", part)
    row = {"intrinsic dimension": 2, "exponent": 0.5, "n = 100": 3.0, "n = 1,000": 9.0}
    with pytest.raises(UserError, match=r"Cannot write .*growth\.png: No space left"):
        growth_plot(Table("growth", "", [row]), tmp_path / "growth.png")
    assert not list(tmp_path.iterdir())
