"""Runs: killed at any moment they go on and end with the same weights; bad endings leave nothing half-written."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from allmodes.core.errors import UserError
from allmodes.reports import compare_table
from allmodes.runs.callbacks import Log
from allmodes.runs.run import Run, train
from allmodes.training import checkpoint

SMALL = {
    "images": 64 * 120,
    "batch": 64,
    "threads": 1,
    "device": "cpu",
    "generator.width": 16,
    "sample_every": 64 * 40,
    "evaluate_every": 0,
    "log_every": 640,
    "checkpoint_seconds": 0.05,
}
PROGRAM = """
import json, sys
from allmodes.runs.run import train
train("ring/imle", sys.argv[1], overrides=json.loads(sys.argv[2]))
"""


def start(out) -> subprocess.Popen:
    command = [sys.executable, "-c", PROGRAM, str(out), json.dumps(SMALL)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train("ring/imle", tmp_path_factory.mktemp("whole") / "run", overrides=SMALL)


def test_a_run_folder_is_complete(whole):
    here = {path.name for path in whole.path.iterdir()}
    assert here >= {"recipe.yaml", "environment.json", "metrics.jsonl", "samples", "model", "evaluation.json"}
    lines = [json.loads(line) for line in (whole.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines if line["kind"] == "train"] == list(range(640, 7681, 640))
    assert len(list(whole.path.glob("samples/images-*.png"))) == 4
    assert (whole.path / "samples" / "training.gif").exists()
    assert whole.model().sample(5, seed=1).shape == (5, 2)
    assert whole.evaluation().headline()


def test_killed_at_random_moments_it_ends_with_the_same_weights(whole, tmp_path):
    rng, out, kills = random.Random(0), tmp_path / "run", 0
    while kills < 3:
        process = start(out)
        while process.poll() is None and not list(out.glob("checkpoints/step-*.safetensors")):
            time.sleep(0.01)
        time.sleep(rng.random() * 0.3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert start(out).wait() == 0
    expected = load_file(whole.path / "model" / "model.safetensors")
    got = load_file(out / "model" / "model.safetensors")
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[key], got[key]) for key in expected)
    lines = (out / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines if json.loads(line)["kind"] == "train"]
    assert steps == sorted(set(steps)) == list(range(10, 121, 10))


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "run"
    process = start(out)
    while not list(out.glob("checkpoints/step-*.safetensors")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode == 0:
        pytest.skip("the training ended before it could be interrupted")
    assert "the same command goes on" in errors
    assert checkpoint.load_newest(out / "checkpoints") is not None


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    for step in (1, 2):
        checkpoint.save(tmp_path, {"a": torch.full((3,), float(step))}, {"step": step})
    newest = tmp_path / "step-000000002.safetensors"
    newest.write_bytes(newest.read_bytes()[:-4])
    found = checkpoint.load_newest(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


def test_a_nan_loss_is_one_sentence_and_saves_nothing(tmp_path):
    with pytest.raises(UserError, match="became NaN or infinite"):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, "optimizer.lr": 1e30, "checkpoint_seconds": 0})
    assert not (tmp_path / "run" / "model").exists()
    found = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert found is None or all(torch.isfinite(v).all() for v in found[0].values() if v.is_floating_point())


def test_a_training_that_has_come_to_nothing_is_not_measured(tmp_path, monkeypatch):
    """Its weights overflow in the first step, and its loss, which was finite before, comes too late to tell."""
    looked = []
    monkeypatch.setattr("allmodes.runs.run.evaluate", lambda *_, **__: looked.append(1))
    changes = {**SMALL, "batch": 128, "evaluate_every": 128, "sample_every": 128, "optimizer.lr": 1e39}
    with pytest.raises(UserError, match="before image 128: nothing was saved"):
        train("ring/imle", tmp_path / "run", overrides=changes)
    assert not looked


def test_too_little_memory_is_one_sentence(tmp_path, monkeypatch):
    huge = {"matching.block": 10**12, "matching.pool": 10**12}
    monkeypatch.setattr("allmodes.training.build.require_step", lambda *given, **sizes: None)  # as if it fitted nearly
    with pytest.raises(UserError, match=r"Out of memory: lower matching.block"):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, **huge})


def test_a_batch_that_cannot_fit_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(UserError, match=r"'batch': 1,000,000,000,000 images at a time need"):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, "batch": 10**12})
    assert not (tmp_path / "run").exists()


def test_another_recipe_or_a_foreign_folder_is_refused(whole, tmp_path):
    with pytest.raises(UserError, match=r"was begun with batch: 64, not 32"):
        train("ring/imle", whole.path, overrides={**SMALL, "batch": 32})
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(UserError, match="not empty and not a run"):
        train("ring/imle", tmp_path, overrides=SMALL)
    with pytest.raises(UserError, match=r"holiday.jpg is a file"):
        train("ring/imle", tmp_path / "holiday.jpg", overrides=SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("broken", [{"distance.pool": 0}, {"data": "no-such-folder/"}])
def test_a_recipe_that_cannot_be_built_leaves_no_folder(broken, tmp_path):
    with pytest.raises(UserError):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, **broken})
    assert not (tmp_path / "run").exists()


def test_starting_over_with_a_recipe_that_cannot_be_built_keeps_the_old_run(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "run")
    with pytest.raises(UserError, match=r"distance\.pool"):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, "distance.pool": 0}, fresh=True)
    assert Run(tmp_path / "run").finished
    assert train("ring/imle", tmp_path / "run", overrides={**SMALL, "images": 640}, fresh=True).finished
    assert Run(tmp_path / "run").recipe.settings.images == 640


def test_a_run_that_never_came_to_a_checkpoint_does_not_bind_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("allmodes.training.build.require_step", lambda *given, **sizes: None)  # as if it fitted nearly
    with pytest.raises(UserError, match="Out of memory"):
        train("ring/imle", tmp_path / "run", overrides={**SMALL, "matching.block": 10**12, "matching.pool": 10**12})
    assert train("ring/imle", tmp_path / "run", overrides=SMALL).finished


def test_changed_data_are_noticed_on_resume(tmp_path):
    """A folder may get another picture between two sessions; matches and codes are kept by number."""
    for number in range(12):
        Image.new("L", (16, 16), 20 * number).save(tmp_path / f"{number:02}.png")
    changes = {"data": str(tmp_path), "images": 64, "batch": 8, "generator.width": 4, "matching.pool": 8}
    changes |= {"distance": "pixels", "matching.project": None, "threads": 1, "device": "cpu", "evaluate_every": 0}
    run = train("few-shot/imle", tmp_path / "run", overrides=changes)
    with (
        Image.open(run.path / "samples" / "real.png") as grid,
        Image.open(run.path / "samples" / "images-000000000000.png") as whole,
    ):
        assert grid.width == whole.width
        assert grid.height < 0.3 * whole.height  # twelve images, each shown once: two rows of eight
    (run.path / "evaluation.json").unlink()  # as if it had been stopped
    Image.new("L", (16, 16), 255).save(tmp_path / "12.png")
    with pytest.raises(UserError, match="The data are not those that this run was trained on"):
        train("few-shot/imle", run.path, overrides=changes)


def test_a_checkpoint_of_an_earlier_version_is_named(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").unlink()
    state, counters = checkpoint.load_newest(whole.checkpoints)
    del counters["data"]
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    checkpoint.save(tmp_path / "run" / "checkpoints", state, counters)
    with pytest.raises(UserError, match="begun with an earlier version of allmodes"):
        train("ring/imle", tmp_path / "run", overrides=SMALL)


def test_pictures_of_a_run_without_a_checkpoint_are_not_mixed_in(tmp_path):
    out = tmp_path / "run"
    train("ring/imle", out, overrides={**SMALL, "images": 64 * 40})
    shutil.rmtree(out / "checkpoints")
    (out / "evaluation.json").unlink()
    (out / "samples" / "images-000000000001.png").touch()
    (out / "samples" / "mine.png").touch()
    assert train("ring/imle", out, overrides={**SMALL, "images": 64 * 80, "seed": 1}).finished
    assert len(list(out.glob("samples/images-*.png"))) == 3
    assert (out / "samples" / "mine.png").exists()


def test_what_is_no_recipe_beside_a_checkpoint_is_named(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "run")
    (tmp_path / "run" / "recipe.yaml").write_text("")
    with pytest.raises(UserError, match="recipe.yaml is not a recipe"):
        train("ring/imle", tmp_path / "run", overrides=SMALL)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write .*file/run"):
        train("ring/imle", tmp_path / "file" / "run", overrides=SMALL)


def test_figures_of_the_round_in_force_survive_a_resume(whole, tmp_path):
    state, counters = checkpoint.load_newest(whole.checkpoints)
    assert state
    assert counters["round"].keys() == {"matching/distance"}


def test_two_processes_stop_together_and_go_on(tmp_path):
    """A launcher passes Ctrl-C on to all processes; the terminal may, too, so each gets it twice."""
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        "-m",
        "allmodes.cli",
    ]
    options = ["--images", "640000", "--device", "cpu", "--threads", "1", "--matching.pool", "64", "--log_every", "64"]
    command = [*launcher, "train", "ring/imle", "--out", str(tmp_path / "run"), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    log = tmp_path / "run" / "metrics.jsonl"
    while not (log.exists() and log.read_text()):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.count("the same command goes on.") == 1, errors
    assert checkpoint.load_newest(tmp_path / "run" / "checkpoints") is not None


def test_a_recipe_in_other_words_is_the_same(whole):
    words = {"title": "Another title", "about": "Other words.", "threads": 2}
    assert train("ring/imle", whole.path, overrides={**SMALL, **words}).finished


def test_a_finished_run_is_left_alone(whole):
    before = (whole.path / "evaluation.json").stat().st_mtime_ns
    assert train("ring/imle", whole.path, overrides=SMALL).finished
    assert (whole.path / "evaluation.json").stat().st_mtime_ns == before


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"is not a run: it holds no recipe.yaml"):
        _ = Run(tmp_path).recipe


def test_a_folder_takes_one_training_at_a_time(tmp_path):
    out = tmp_path / "run"
    process = start(out)
    while process.poll() is None and not (out / "recipe.yaml").exists():
        time.sleep(0.01)
    for fresh in (False, True):
        with pytest.raises(
            UserError, match=rf"run is in use: another training is at work there \(process {process.pid}\)"
        ):
            train("ring/imle", out, overrides=SMALL, fresh=fresh)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert train("ring/imle", out, overrides=SMALL).finished  # a crash leaves no lock behind


def test_a_kill_before_the_recipe_was_written_leaves_a_folder_that_can_be_used(tmp_path):
    out = tmp_path / "run"
    (out / "samples").mkdir(parents=True)
    (out / "samples").rmdir()
    (out / ".recipe.partial-abc.yaml").write_text("half")
    (out / ".lock").write_text("1")
    assert train("ring/imle", out, overrides={**SMALL, "images": 640}).finished
    assert not list(out.rglob("*partial*"))


def test_a_finished_run_goes_on_to_more_images_as_one_training_would(tmp_path):
    steady = {**SMALL, "optimizer.constant": 1.0}
    once = train("ring/imle", tmp_path / "once", overrides=steady)
    short = train("ring/imle", tmp_path / "twice", overrides={**steady, "images": 64 * 50})
    assert short.finished
    longer = train("ring/imle", tmp_path / "twice", overrides=steady)
    assert longer.finished
    assert longer.recipe.settings.images == 64 * 120
    expected, got = (load_file(run.path / "model" / "model.safetensors") for run in (once, longer))
    assert all(torch.equal(expected[key], got[key]) for key in expected)
    with pytest.raises(UserError, match="images: 7680, not 640"):
        train("ring/imle", tmp_path / "twice", overrides={**steady, "images": 640, "batch": 32})


def test_a_kill_while_finishing_doubles_no_line_and_loses_no_figure(whole, tmp_path):
    shutil.copytree(whole.path, tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").unlink()
    train("ring/imle", tmp_path / "run", overrides=SMALL)
    before, after = ((path / "metrics.jsonl").read_text().splitlines() for path in (whole.path, tmp_path / "run"))
    assert len(before) == len(after)
    ours, theirs = (json.loads(lines[-1])["scalars"] for lines in (after, before))
    assert "generator/matched" in theirs
    speed = {"images_per_second", "matching_share", "sampling_seconds"}
    assert {k: v for k, v in ours.items() if k not in speed} == {k: v for k, v in theirs.items() if k not in speed}


def test_a_stopped_run_is_sampled_from_its_newest_checkpoint(whole, tmp_path, capsys):
    shutil.copytree(whole.path, tmp_path / "run")
    for left in ("model", "evaluation.json"):
        path = tmp_path / "run" / left
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert torch.equal(Run(tmp_path / "run").model().sample(8, seed=3), whole.model().sample(8, seed=3))
    assert "has not ended: this is its model after 7,680 presentations" in capsys.readouterr().err
    newest = max((tmp_path / "run").glob("checkpoints/*"))
    flip(newest, random.Random(0))
    model = Run(tmp_path / "run").model()
    assert model.card["images"] < 7680
    assert "is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("logged", [640, 7680])
def test_a_stopped_run_is_as_long_as_its_newest_checkpoint(whole, logged, tmp_path):
    """By then something else may have been logged: less where it was stopped, more where it was killed."""
    run = tmp_path / "run"
    shutil.copytree(whole.path, run)
    shutil.rmtree(run / "model")
    (run / "evaluation.json").unlink()
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines if json.loads(line)["images"] <= logged))
    max(run.glob("checkpoints/*")).unlink()
    assert 640 < Run(run).model().card["images"] < 7680
    (row,) = compare_table([run])
    assert row.cells["images"].mean == Run(run).model().card["images"]


def flip(path, rng) -> None:
    """Turn one bit of a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["model/model.safetensors", "model/config.json", "checkpoints"])
def test_every_flipped_bit_is_noticed(whole, tmp_path, name, capsys):
    rng = random.Random(1)
    shutil.copytree(whole.path, tmp_path / "run")
    path = tmp_path / "run" / name
    path = max(path.glob("*.safetensors")) if path.is_dir() else path
    intact = path.read_bytes()
    for _ in range(64):
        path.write_bytes(intact)
        flip(path, rng)
        if name == "checkpoints":
            found = checkpoint.load_newest(path.parent)
            assert found is None or found[1]["step"] < 120
            assert path.name in capsys.readouterr().err
        else:
            with pytest.raises(UserError, match=re.escape(path.name)):
                Run(tmp_path / "run").model()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("recipe.yaml", b"\xff\xfe", "not text in UTF-8"),
        ("recipe.yaml", b"- 1", "is not a recipe"),
        ("recipe.yaml", b"a: &a [1, 1]\nb: [*a, *a]", "aliases"),
        ("recipe.yaml", b"images: 1\nbatch: 2\nimages: 3", "the key 'images' is there twice .line 3"),
        ("recipe.yaml", b"[" * 100_000, "nested more than 64 deep"),
        ("evaluation.json", b"{}", "evaluation.json is damaged"),
        ("evaluation.json", b"[]", "does not hold a JSON object"),
        ("model/config.json", b"[" * 100_000, "nested more than 64 deep"),
        ("model/config.json", b'{"schema": 99}', "of schema 99"),
        ("model/config.json", b'{"schema": 2, "card": []}', "config.json is damaged"),
    ],
)
def test_a_damaged_file_of_a_run_is_one_sentence(whole, tmp_path, name, content, words):
    shutil.copytree(whole.path, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    run = Run(tmp_path / "run")
    with pytest.raises(UserError, match=words):
        _ = run.recipe, run.evaluation(), run.model()


@pytest.mark.parametrize("line", [b"\xff\xfe{", b"[]", b'{"step": null}', b'{"step": 1e999}', b"[" * 100_000])
def test_a_damaged_line_of_the_log_is_dropped(line, tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1, "kind": "train"}\n' + line + b"\n")
    Log(tmp_path / "metrics.jsonl", 5)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 1, "kind": "train"}\n'
