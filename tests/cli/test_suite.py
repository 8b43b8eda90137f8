"""``allmodes suite`` from end to end: trained, resumed, added to, refused."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from allmodes.cli import main
from allmodes.suites.trainings import Training

Capture = pytest.CaptureFixture[str]
SMALL = {"images": 512, "batch": 128, "log_every": 256, "sample_every": 512}
BROKEN = {"recipe": "ring/gan", "name": "broken", "group": "ring", "overrides": {"data": "mnist", "data.path": "/none"}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a suite of two members, one of which cannot be trained; its file lies beside it."""
    root = tmp_path_factory.mktemp("suites")
    config = {"title": "Mine", "members": ["ring/imle", BROKEN], "budgets": {"quick": SMALL}}
    (root / "mine.yaml").write_text(yaml.safe_dump(config))
    assert main(["suite", str(root / "mine.yaml"), "--out", str(root / "out")]) == 0
    return root / "out"


def refusal(words: list[str], capsys: Capture) -> str:
    capsys.readouterr()
    assert main(["suite", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return told.err.splitlines()[-1]


def test_results_say_figures_cost_command_and_origin(trained: Path) -> None:
    document = json.loads((trained / "results.json").read_text())
    good, broken = document["members"]
    (run,) = good["runs"]
    evaluation = json.loads((trained / run["folder"] / "evaluation.json").read_text())
    assert run["figures"].items() >= evaluation["headline"].items()
    assert run["figures"]["images"] == 512
    assert run["figures"]["images_per_second"] > 0
    assert run["figures"]["minutes"] > 0
    assert run["where"]["device"] == "cpu"
    assert "--images=512" in run["command"]
    assert {"machine", "torch", "python", "commit", "allmodes"} <= document["origin"].keys()
    assert broken["runs"][0]["state"] == "failed"
    assert broken["runs"][0]["reason"].startswith("/none does not hold")
    assert (trained / "index.html").read_text().index("ring/imle alone has figures") > 0
    assert "broken: /none does not hold" in (trained / "table.md").read_text()


def test_what_is_finished_is_kept_when_a_seed_is_added(trained: Path, capsys: Capture) -> None:
    model = trained / "runs" / "ring-imle-seed0" / "model" / "model.safetensors"
    before = model.stat().st_mtime_ns
    words = ["--members", "ring/imle", "--seeds", "0,3", "--out", str(trained), "--json"]
    capsys.readouterr()
    assert main(["suite", str(trained.parent / "mine.yaml"), *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert model.stat().st_mtime_ns == before
    assert [[run["seed"] for run in member["runs"]] for member in document["members"]] == [[0, 3], [0]]
    states = [run["state"] for member in document["members"] for run in member["runs"]]
    assert states == ["finished", "finished", "failed"]
    assert document["seeds"] == [0, 3]


def test_figures_of_other_settings_are_not_taken_for_those_of_the_suite(
    trained: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Neither of a training that is asked for, nor of one that an earlier command has left."""
    shutil.copytree(trained, tmp_path / "out")
    config = yaml.safe_load((trained.parent / "mine.yaml").read_text())
    changed = {**config, "overrides": {"optimizer.lr": 0.25}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(changed))
    words = [str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out")]
    for asked in ("ring/imle", "broken"):
        assert "No member could be trained" in refusal([*words, "--members", asked], capsys)
        run, *_ = json.loads((tmp_path / "out" / "results.json").read_text())["members"][0]["runs"]
        assert (run["state"], run["figures"]) == ("failed", {})
        assert "ring-imle-seed0 was trained with optimizer: {" in run["reason"]
        assert "delete that folder" in run["reason"]
        shutil.copy(trained / "results.json", tmp_path / "out" / "results.json")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**config, "title": "Yours"}))
    assert main(["suite", *words, "--members", "broken"]) == 0
    assert "ring/imle alone has figures" in (tmp_path / "out" / "table.md").read_text()


def test_bad_words_are_refused_in_a_sentence(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    mine, other = str(trained.parent / "mine.yaml"), tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({"members": ["ring/gan"]}))
    assert "Cannot read none.yaml" in refusal(["none.yaml"], capsys)
    assert "'0,x' is not a list of whole numbers" in refusal([mine, "--seeds", "0,x"], capsys)
    assert "'imle2' is no member" in refusal([mine, "--members", "imle2", "--out", str(trained)], capsys)
    assert "invalid choice: 'long'" in refusal([mine, "--budget", "long"], capsys)
    assert "holds the suite mine" in refusal([str(other), "--out", str(trained)], capsys)
    assert "budget quick" in refusal([mine, "--budget", "full", "--out", str(trained)], capsys)
    assert "is not empty" in refusal([str(other), "--out", str(tmp_path)], capsys)
    assert not (tmp_path / "results.json").exists()


def test_a_suite_of_which_nothing_can_be_trained_is_an_error(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Training, "program", property(lambda self: [sys.executable, "-c", "raise KeyError('no')"]))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"members": [BROKEN]}))
    said = refusal([str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out")], capsys)
    assert "No member could be trained; the first says: KeyError: 'no'." in said
    assert (tmp_path / "out" / "index.html").exists()


@pytest.mark.parametrize(
    "results", ["", '{"schema": 1, "mem', "[]", '{"schema": 1, "members": [{"runs": [{"folder": "x"}]}]}']
)
def test_results_that_are_damaged_are_refused_before_anything_is_trained(
    results: str, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"members": ["ring/gan"]}))
    (out / "suite.yaml").write_text("suite: mine\nbudget: quick\n")
    (out / "results.json").write_text(results)
    said = refusal([str(tmp_path / "mine.yaml"), "--out", str(out)], capsys)
    assert "Delete that file and give the command again" in said
    assert (out / "results.json").read_text() == results
    assert not (out / "runs").exists()
    (out / "suite.yaml").write_text("nothing of a suite")
    assert f"{out / 'suite.yaml'} is damaged" in refusal([str(tmp_path / "mine.yaml"), "--out", str(out)], capsys)
