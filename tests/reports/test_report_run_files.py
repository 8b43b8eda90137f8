"""Reading run folders: what is missing is absent, what is broken is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from fake_runs import MakeRun

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.objectives import Objective
from allmodes.reports import read_run
from allmodes.reports.log_lines import Entry
from allmodes.reports.sections.curves import curves_of
from allmodes.reports.words import METHODS


def test_a_finished_run(make_run: MakeRun) -> None:
    run = read_run(make_run("stacked-digits/gan", folder="a", seed=3, missing=10))
    assert (run.name, run.recipe["seed"], run.images) == ("stacked-digits/gan", 3, 640_000)
    assert run.minutes == pytest.approx(125 / 60)
    assert run.scores["modes"].value <= 990
    assert len(run.detail("modes", "counts")) == 1000
    assert [picture.images for picture in run.pictures] == [n * 64_000 for n in range(11)]
    assert (len(run.train), len(run.evaluations)) == (50, 10)
    assert run.figure("no such figure") is None
    assert run.detail("modes", "no such detail") is None


def test_a_folder_with_nothing_but_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("title: Bare\n")
    run = read_run(tmp_path)
    assert (run.title, run.name) == ("Bare", tmp_path.name)
    assert (run.images, run.minutes, run.scores, run.pictures, run.real) == (None, None, {}, (), None)


def test_a_line_cut_short_by_a_kill_is_passed_over(make_run: MakeRun) -> None:
    path = make_run("stacked-digits/gan", folder="a")
    with (path / "metrics.jsonl").open("a") as log:
        log.write('{"kind": "train", "images": 9999')
    assert len(read_run(path).train) == 50


def test_fields_may_be_missing_from_the_evaluation(make_run: MakeRun) -> None:
    path = make_run("folder/gan", folder="a")
    (path / "evaluation.json").write_text(json.dumps({"scores": [{"name": "diversity", "value": None}]}))
    assert read_run(path).scores["diversity"].ci95 is None
    (path / "evaluation.json").write_text(json.dumps({"headline": {"modes": 7, "kl": None}}))
    assert (read_run(path).figure("modes"), read_run(path).figure("kl")) == (7, None)


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"recipe\.yaml"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [("recipe.yaml", "a: [1"), ("recipe.yaml", "just words"), ("evaluation.json", "{"), ("environment.json", "[1]")],
)
def test_a_broken_file_is_named(make_run: MakeRun, file: str, text: str) -> None:
    path = make_run("stacked-digits/gan", folder="a")
    (path / file).write_text(text)
    with pytest.raises(UserError, match=file):
        read_run(path)


def test_a_curve_has_one_value_at_a_place() -> None:
    """The last look of a training is a first one and the whole evaluation."""
    looks = [Entry(10, 1, 1, {"kl": 0.5, "modes": 7}), Entry(20, 2, 2, {"kl": 0.2}), Entry(20, 2, 2, {"kl": 0.3})]
    assert curves_of(looks) == {"kl": ([10, 20], [0.5, 0.3]), "modes": ([10], [7])}


def test_a_picture_that_leads_out_of_the_folder_is_not_shown(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"x")
    samples = tmp_path / "run" / "samples"
    samples.mkdir(parents=True)
    (tmp_path / "run" / "recipe.yaml").write_text("recipe: x")
    for name in ("real.png", "images-000000000001.png"):
        (samples / name).symlink_to(secret)
    found = read_run(tmp_path / "run")
    assert found.real is None
    assert found.pictures == ()


@pytest.mark.parametrize(
    ("recipe", "title"),
    [
        ({"objective": {"name": "imle-gan"}, "data": {"name": "images", "path": "photos/cats"}}, "IMLE-GAN on cats"),
        (
            {"objective": {"name": "imle"}, "matching": {"name": "rejection"}, "data": {"name": "ring"}},
            "RS-IMLE on ring",
        ),
        ({"objective": {"name": "imle"}, "matching": {"name": "nearest"}, "data": {"name": "ring"}}, "IMLE on ring"),
        (
            {"objective": {"name": "adaptive-imle"}, "matching": {"name": "rejection"}, "data": {"name": "ring"}},
            "Adaptive IMLE on ring",
        ),
        ({"objective": {"name": "new"}, "data": {"name": "ring"}}, "new on ring"),
        ({"objective": {"name": "gan"}, "prior": {"name": "gaussian"}, "data": {"name": "ring"}}, "GAN on ring"),
        (
            {"objective": {"name": "gan"}, "prior": {"name": "gaussian-mixture"}, "data": {"name": "ring"}},
            "GM-GAN, static on ring",
        ),
        (
            {"objective": {"name": "gan"}, "loss": {"name": "wasserstein"}, "data": {"name": "ring"}},
            "GAN, Wasserstein on ring",
        ),
    ],
)
def test_a_report_is_titled_by_data_and_method(recipe: dict[str, object], title: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"title": "IMLE on a hundred images", **recipe}))
    assert read_run(tmp_path).title == title


def test_every_method_has_a_name() -> None:
    assert set(METHODS) >= set(entries("allmodes.objectives", Objective))
