"""What is said while training: only what is so at the time, and where a person sees it."""

from __future__ import annotations

import io
import json

from rich.console import Console
from rich.progress import BarColumn, TextColumn

from allmodes.training.callbacks import BarWithLines
from allmodes.training.run import train

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
    bar = BarWithLines(*columns, console=console)
    bar.add_task("stacked-mnist/imle-gan", total=100, completed=43)
    bar.lines = ("loss " * 40, "", "modes 1000")
    with console.capture() as captured:
        console.print(bar.get_renderable())
    first, second, third = captured.get().splitlines()
    assert first.startswith("stacked-mnist/imle-gan")
    assert "43%" in first
    assert len(second) == 80
    assert second.endswith("…")
    assert third.strip() == "modes 1000"
