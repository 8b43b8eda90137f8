"""What is said while training: only what is so at the time, and where a person sees it."""

from __future__ import annotations

import io
import json
import time
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from rich.progress import BarColumn, TextColumn

from allmodes.auditing.runs import audit_run
from allmodes.evaluation import cost
from allmodes.evaluation.evaluate import evaluate, passes
from allmodes.evaluation.protocols.base import Subject
from allmodes.evaluation.protocols.planar import PlanarProtocol
from allmodes.reports.run_files import read_run
from allmodes.runs import bar
from allmodes.runs.bar import BarWithLines
from allmodes.runs.run import Run, train
from allmodes.training.build import build_dataset
from allmodes.training.recipe import load_recipe

MATCHED = {"matching/distance", "generator/matched"}


def test_figures_of_matching_end_with_it(tmp_path):
    changes = {
        "objective": {"name": "imle-gan", "until": 0.5},
        "distance": "pixels",
        "matching": {"name": "nearest", "pool": 64, "refresh": 5},
        "images": 64 * 40,
        "batch": 64,
        "log_every": 64,
        "threads": 1,
        "device": "cpu",
    }
    run = train("ring/gan", tmp_path / "run", overrides=changes)
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    shown = [set(line["scalars"]) & MATCHED for line in lines if line["kind"] == "train"]
    assert shown == [MATCHED] * 20 + [set()] * 20


def test_what_a_training_has_to_say_does_not_push_its_bar_away():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.percentage:3.0f}%"))
    progress = BarWithLines(*columns, console=console)
    progress.add_task("stacked-mnist/imle-gan", total=100, completed=43)
    progress.lines = ("loss " * 40, "", "modes 1000")
    with console.capture() as captured:
        console.print(progress.get_renderable())
    first, second, third = captured.get().splitlines()
    assert first.startswith("stacked-mnist/imle-gan")
    assert "43%" in first
    assert len(second) == 80
    assert second.endswith("…")
    assert third.strip() == "modes 1000"


SMALL = {"images": 64 * 60, "batch": 64, "threads": 1, "device": "cpu", "log_every": 64, "checkpoint_seconds": 0}


def test_minutes_are_all_minutes(tmp_path, monkeypatch):
    """Pictures, evaluation and audit count, and so does an earlier session that was killed after its checkpoint."""
    monkeypatch.setattr(PlanarProtocol, "scores", lambda self, subject: time.sleep(0.5) or ())
    monkeypatch.setattr("allmodes.auditing.runs.audit", lambda *sides, **options: time.sleep(0.5) or Saved())
    train("ring/imle", tmp_path / "run", overrides=SMALL)
    began = time.monotonic()
    audit_run(Run(tmp_path / "run"))
    audited = time.monotonic() - began
    first = read_run(tmp_path / "run").minutes * 60
    assert first >= 1.0
    assert first >= audited
    kept = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    (tmp_path / "run" / "evaluation.json").unlink()
    cut = json.dumps({**json.loads(kept[-1]), "step": 10**6, "elapsed": 7200.0})  # a line after the last checkpoint
    (tmp_path / "run" / "metrics.jsonl").write_text("\n".join([*kept, cut]) + "\n")
    began = time.monotonic()
    train("ring/imle", tmp_path / "run", overrides=SMALL | {"images": 64 * 80})
    session = time.monotonic() - began
    assert 7200.5 <= read_run(tmp_path / "run").minutes * 60 <= 7200 + session


class Saved:
    def save(self, folder):
        pass


def test_what_is_left_holds_evaluation_and_audit(tmp_path, monkeypatch):
    """A step of 10 ms and 15 seconds of what comes after, which are asked for once."""
    now = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    after = iter([15.0])
    monkeypatch.setattr(bar, "seconds_after", lambda trainer: next(after))
    trainer = SimpleNamespace(images=0, settings=SimpleNamespace(images=6_400, batch=64), dataset=None)
    shown = bar.Bar(trainer, "ring/imle")
    trainer.images, now[0] = 64 * 10, 0.1
    assert shown.left(trainer) is None
    trainer.images, now[0] = 64 * 60, 0.6
    assert shown.left(trainer) == pytest.approx(40 * 0.01 + 15)
    trainer.images = 6_400
    assert shown.left(trainer) == pytest.approx(15)


@pytest.mark.parametrize(("seconds", "said"), [(200.0, "0.32 a second"), (0.01, "6,400 a second")])
def test_a_slow_training_has_a_speed_above_nought(seconds, said):
    shown = bar.Bar(SimpleNamespace(images=0, settings=SimpleNamespace(images=64)), "few-shot/photos")
    told = SimpleNamespace(images=64, seconds=seconds, matching_seconds=0.0, round={}, losses={})
    assert shown.lines(told)[0] == said


@pytest.mark.parametrize("recipe", ["ring/imle", "stacked-digits/gan", "stacked-digits/imle-gan-small"])
def test_a_protocol_says_how_many_samples_it_makes(recipe, monkeypatch):
    dataset = build_dataset(load_recipe(recipe, {"device": "cpu"}))
    made = []

    def sample(n, seed):
        made.append(n)
        return dataset.batch(0, n, seed).images

    evaluate(Subject(sample, dataset, 0, torch.device("cpu")))
    assert passes(dataset) == sum(made) + cost.passes()  # without a model nothing is timed
