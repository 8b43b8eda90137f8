"""The speed of training: steps and rounds are put together as a training has them."""

from __future__ import annotations

import os
import re
import sys

import pytest
import torch

from allmodes.bench import speed, training, waiting
from allmodes.bench.speed import Speed
from allmodes.bench.training import Plan, all_tables
from allmodes.core.errors import UserError


def test_a_round_is_shared_by_the_steps_until_the_next() -> None:
    cost = Speed(step=0.1, round=0.5, refresh=20, batch=25)
    seconds = 20 * cost.step + cost.round
    assert cost.images == pytest.approx(20 * 25 / seconds)
    assert cost.matching == pytest.approx(cost.round / seconds)
    assert Speed(step=0.1, round=0.0, refresh=1, batch=25).matching == 0


def rows_of(*recipes: str, device: str = "cpu") -> list[dict]:
    (table,) = all_tables(Plan(recipes, device, 1), progress=lambda name: None)
    return table.rows


def test_recipes_are_measured_in_either_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "ENOUGH", 0.0)
    rows = rows_of("ring/gan", "ring/imle")
    assert [(row["recipe"], row["precision"]) for row in rows] == [
        (recipe, precision) for recipe in ("ring/gan", "ring/imle") for precision in training.PRECISIONS
    ]
    assert [row["matching"] > 0 for row in rows] == [False, False, True, True]
    assert all(row["presentations/s"] > 0 for row in rows)
    assert [row["times faster"] == 1 for row in rows[::2]] == [True, True]


def test_what_has_no_data_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(recipe: object) -> None:
        raise UserError("MNIST is not on this machine.")

    monkeypatch.setattr(speed, "build_dataset", missing)
    with pytest.raises(UserError, match="None of these recipes"):
        rows_of("stacked-mnist/gan")
    assert "left out: stacked-mnist/gan: MNIST is not on this machine." in capsys.readouterr().err


def test_a_recipe_that_does_not_exist_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(UserError, match="ring/imle"):
        rows_of("ring/gan", "ring/imel")


def test_a_device_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match="device"):
        rows_of("ring/gan", device="gpu")


@pytest.mark.skipif(sys.platform != "linux", reason="another OpenMP")
def test_ways_to_wait_are_measured_in_processes_that_wait_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "RECIPES", ("ring/imle",))
    monkeypatch.setattr(waiting, "TURN", 0.0)
    monkeypatch.setattr(waiting, "TURNS", 1)
    monkeypatch.setattr(waiting, "WAYS", {way: waiting.WAYS[way] for way in list(waiting.WAYS)[::2]})
    monkeypatch.setenv("OMP_DISPLAY_ENV", "VERBOSE")  # libgomp itself says how it waits
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")  # of whoever measures: not to be handed on
    rows = waiting.table(2, progress=lambda name: None).rows
    assert [row["beside"] for row in rows[::2]] == ["none", f"{os.cpu_count()} busy"]
    assert all(row["step"] > 0 and row["times faster"] > 0 for row in rows)
    said = re.findall("GOMP_SPINCOUNT = '(\\d+)'", capfd.readouterr().err)
    assert set(said) == {"300000", "0"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_is_measured_on_a_gpu() -> None:
    assert {row["device"] for row in rows_of("ring/imle", device="cuda")} == {"cuda"}
