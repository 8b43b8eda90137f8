"""The folder of a run: one training at a time, no state that a kill makes useless, nothing damaged goes unsaid."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from allmodes.cli import main
from allmodes.core.errors import UserError
from allmodes.model import load
from allmodes.reports import cautions, read_run
from allmodes.runs import folder
from allmodes.runs.callbacks import Log
from allmodes.runs.run import Run, train
from allmodes.training import checkpoint

SMALL = {
    "images": 64 * 60,
    "batch": 64,
    "threads": 1,
    "device": "cpu",
    "generator.width": 16,
    "sample_every": 64 * 40,
    "log_every": 640,
    "checkpoint_seconds": 0.05,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train("ring/imle", tmp_path_factory.mktemp("whole") / "run", overrides=SMALL).path


@pytest.fixture
def run(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.fixture
def stopped(run):
    """The run as a stop after its last checkpoint leaves it."""
    (run / "evaluation.json").unlink()
    shutil.rmtree(run / "model")
    return run


def flip(path, rng=None) -> None:
    """Turn one bit of a file."""
    content, rng = bytearray(path.read_bytes()), rng or random.Random(0)
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def same(one, two) -> bool:
    one, two = (load_file(path / "model" / "model.safetensors") for path in (one, two))
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_the_folder_is_taken_until_all_is_done_in_it(tmp_path):
    def then(run):
        with pytest.raises(UserError, match=rf"in use: another training is at work there \(process {os.getpid()}\)"):
            train("ring/imle", run.path, overrides=SMALL)
        seen.append(run)

    seen = []
    for fresh in (False, False, True):  # a new run, a finished one, one that starts over
        train("ring/imle", tmp_path / "run", overrides={**SMALL, "images": 640}, fresh=fresh, then=then)
    assert len(seen) == 3
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_refused_training_leaves_no_folder(tmp_path):
    with pytest.raises(UserError, match=r"distance\.pool"):
        train("ring/imle", tmp_path / "runs" / "a", overrides={**SMALL, "distance.pool": 0})
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_kill_at_any_moment_of_starting_over_leaves_a_run_that_is_one(run, fresh, monkeypatch):
    """Its model is that of its newest checkpoint, and what was said of the end goes with the end."""
    (run / "audit").mkdir()
    (run / "audit" / "audit.json").write_text("{}")
    kept = run.with_name("kept")
    shutil.copytree(run, kept)
    removals = []
    monkeypatch.setattr(folder, "remove", lambda path: removals.append(path))
    folder.open_folder(run, fresh)
    assert len(removals) >= 6
    for count in range(len(removals) + 1):
        shutil.rmtree(run)
        shutil.copytree(kept, run)
        for path in removals[:count]:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        assert Run(run).recipe.settings.images == SMALL["images"]
        if (run / "evaluation.json").exists() or (run / "model").exists():
            assert sorted(run.glob("checkpoints/*")) == [
                run / path.relative_to(kept) for path in sorted(kept.glob("checkpoints/*"))
            ]
        if not (run / "evaluation.json").exists():
            assert not (run / "audit").exists()


def test_an_end_that_is_none_takes_its_audit_and_pictures_along(stopped):
    """A kill after the evaluation of an earlier end was removed must not leave its audit for the next."""
    for name in ("audit/audit.json", "report.html", "samples/nearest.png"):
        (stopped / name).parent.mkdir(exist_ok=True)
        (stopped / name).write_text("of an earlier end")
    train("ring/imle", stopped, overrides=SMALL)
    assert not (stopped / "audit").exists()
    assert not (stopped / "report.html").exists()
    assert not (stopped / "samples" / "nearest.png").exists()


def test_what_went_by_the_length_is_said_wherever_it_is_shown(run, capsys):
    train("ring/imle", run, overrides={**SMALL, "images": 64 * 70})
    told = "was to end after 3,840 presentations, and the learning rate (optimizer.constant) went by that until 3,840"
    assert told in capsys.readouterr().err
    assert load(run).card["prolonged"][0]["of"] == 64 * 60
    assert [told.removeprefix("was to") in sentence for sentence in read_run(run).prolonged] == [True]
    assert any(told in sentence for sentence in cautions([run]))


def test_more_images_without_a_checkpoint_are_refused(run):
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="has no checkpoint to go on from: use --fresh"):
        train("ring/imle", run, overrides={**SMALL, "images": 64 * 70})
    assert Run(run).finished
    assert train("ring/imle", run, overrides=SMALL).finished


def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(stopped, whole, capsys):
    files = sorted(stopped.glob("checkpoints/*"))
    assert len(files) == 2
    flip(files[1])
    train("ring/imle", stopped, overrides=SMALL)
    assert f"{files[1].name} is damaged" in capsys.readouterr().err
    assert same(stopped, whole)


def test_two_intact_checkpoints_are_kept_beside_a_damaged_one(tmp_path, capsys):
    for step in (100, 200, 300):
        checkpoint.save(tmp_path, {"a": torch.ones(9)}, {"step": step})
    assert len(list(tmp_path.iterdir())) == 2
    flip(tmp_path / "step-000000300.safetensors")
    for step in (210, 220):  # it went on from 200
        checkpoint.save(tmp_path, {"a": torch.ones(9)}, {"step": step})
        assert checkpoint.load_newest(tmp_path)[1]["step"] == step
        flip(tmp_path / f"step-000000{step}.safetensors")
        assert checkpoint.load_newest(tmp_path)[1]["step"] == {210: 200, 220: 210}[step]
        flip(tmp_path / f"step-000000{step}.safetensors")  # the same bit, back


def test_no_intact_checkpoint_is_no_reason_to_start_over_unasked(stopped):
    files = sorted(stopped.glob("checkpoints/*"))
    for path in files:
        flip(path)
    before = [path.read_bytes() for path in files]
    with pytest.raises(UserError, match="None of the 2 files .* is as it was written: start over with --fresh"):
        train("ring/imle", stopped, overrides=SMALL)
    with pytest.raises(UserError, match="None of the 2 files"):
        load(stopped)
    assert [path.read_bytes() for path in files] == before


def test_a_model_of_an_earlier_version_is_read_with_a_word(run, capsys):
    expected = load(run).sample(8)
    document = json.loads((run / "model" / "config.json").read_text())
    del document["hash"], document["weights"]
    (run / "model" / "config.json").write_text(json.dumps({**document, "schema": 1}))
    weights = run / "model" / "model.safetensors"
    save_file(load_file(weights), weights)
    assert torch.equal(load(run).sample(8), expected)
    assert "without hashes: whether it is as it was written cannot be seen" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["evaluate"], ["sample", "--out", "a.png"], ["audit", "--real"]])
def test_a_stopped_run_is_evaluated_sampled_and_audited_from_its_newest_checkpoint(
    words, stopped, whole, tmp_path, monkeypatch, capsys
):
    """``audit`` of the stopped run against the whole one: they are the same model, and nothing is missing."""
    monkeypatch.chdir(tmp_path)
    if words[0] == "audit":
        words = [*words, str(whole), "--fake", str(stopped), "--out", "audit"]
    else:
        words = [words[0], str(stopped), *words[1:]]
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().err.count(f"{stopped} has not ended: this is its model after 3,840") == 1


def test_a_disk_that_is_full_at_any_write_is_a_sentence_and_costs_nothing(whole, tmp_path):
    """The limit on the size of a file stops the first that is larger: a picture, or a checkpoint."""
    options = [f"--{key}={value}" for key, value in SMALL.items()]
    command = [sys.executable, "-m", "allmodes.cli", "train", "ring/imle", "--out", str(tmp_path / "run"), *options]
    limited = ["bash", "-c", 'ulimit -f 8; exec "$@"', "", *command]
    done = subprocess.run(limited, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: Cannot write {tmp_path / 'run'}")
    assert "Raise the limit on the size of files" in done.stderr
    train("ring/imle", tmp_path / "run", overrides=SMALL)
    assert same(tmp_path / "run", whole)
    assert not [path for path in (tmp_path / "run").rglob("*") if ".partial-" in path.name]


def test_a_damaged_line_of_the_log_is_left_out_with_a_word(tmp_path, capsys):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "kind": "train"}\n{"step": \n{"step": 2, "kind": "train"}\n{"step": 3, "ki')
    Log(log, 5)
    assert log.read_text().count("\n") == 2
    assert "metrics.jsonl: 1 damaged lines are left out" in capsys.readouterr().err
