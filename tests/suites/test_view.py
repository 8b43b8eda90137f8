"""What is said of a suite while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from allmodes.suites.base import load_suite
from allmodes.suites.side_by_side import Field
from allmodes.suites.trainings import Training
from allmodes.suites.view import Standing, View, standing


@pytest.fixture
def training(tmp_path: Path) -> Training:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"members": ["ring/gan"], "overrides": {"images": 4_000}}))
    (member,) = load_suite(str(tmp_path / "mine.yaml")).members
    found = Training(member, 3, 1, tmp_path / "out")
    found.folder.mkdir(parents=True)
    return found


def line(images: int, **scalars: float) -> str:
    return json.dumps({"kind": "train", "images": images, "step": 1, "seconds": 1.0, "scalars": scalars})


def test_a_training_stands_where_the_last_whole_line_of_its_log_says(training: Training) -> None:
    assert standing(training) == Standing(0, 4_000, None)
    log = training.folder / "metrics.jsonl"
    log.write_text("\n".join([line(500), line(1_000, images_per_second=250.0), line(2_000)[:20]]))
    assert standing(training) == Standing(1_000, 4_000, 250.0)
    assert standing(training).texts == ("1,000/4,000", "250 a second", "0:00:12 left")
    log.write_text(" " * 9_000 + "\n" + line(4_096, images_per_second=250.0) + "\n")
    assert standing(training).texts == ("4,096/4,000", "250 a second", "evaluating")


def test_a_log_file_has_a_line_for_all_at_work_and_for_each_that_ends(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Field([], [])
    with View("mine", 2) as view:
        found.running[training] = None  # type: ignore[assignment]
        view.show(found)
        view.show(found)
        del found.running[training]
        found.failed[training] = "The disk is full."
        view.show(found)
        view.show(found)
    assert capsys.readouterr().err.splitlines() == [
        "mine: 0 of 2 trained; ring/gan, seed 3 0/4,000",
        f"ring/gan, seed 3: failed. The disk is full. See {training.log}",
    ]
