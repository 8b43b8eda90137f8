"""The suite that the documentation shows: ten lines at most, and it trains on a folder of pictures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allmodes.suites.base import load_suite, suite_names
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.processes import launch
from allmodes.training.trainer import Trainer

PAGE = Path(__file__).parents[2] / "docs" / "suites.md"


def test_it_is_short_and_trains_on_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(shown.splitlines()) <= 10
    (tmp_path / "mine.yaml").write_text(shown)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(20):
        Image.fromarray(rng.integers(256, size=(70, 80, 3), dtype=np.uint8)).save(tmp_path / f"pictures/{number}.png")
    monkeypatch.chdir(tmp_path)
    suite = load_suite("mine.yaml")
    assert {member.group for member in suite.members} == {"pictures"}
    assert suite.members[-1].resolved.parts["objective"]["weight"] == 40
    first = suite.members[0].resolved
    trainer = Trainer(
        first,
        build_objective(first, data := build_dataset(first), launch(first.settings).device),
        dataset=data,
        fabric=launch(first.settings),
    )
    trainer.one_step()
    trainer.require_finite()
    assert data.shape == (3, 64, 64)


def test_every_suite_is_described() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in suite_names())
