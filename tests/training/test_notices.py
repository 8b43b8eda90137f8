"""What is said before the first step, of pictures as people have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.bench.speed import make_trainer
from allmodes.training.notices import announce, notices, step_seconds
from allmodes.training.recipe import load_recipe
from allmodes.training.run import train
from allmodes.training.trainer import Trainer

GAN = {"discriminator.width": 8, "generator.width": 8, "batch": 8, "images": 800, "threads": 1, "device": "cpu"}


def pictures(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number, (width, height) in enumerate(sizes):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


def trainer_on(folder: Path, **overrides: object) -> Trainer:
    return make_trainer(load_recipe("few-shot/gan", {**GAN, "data": str(folder), **overrides}))


def test_large_pictures_are_taken_at_a_side_that_is_said_with_the_time(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos", [(200, 150), (130, 140), *[(64, 64)] * 10])
    first, *rest = notices(trainer_on(folder))
    assert first == "12 pictures, 800 presentations: each is shown about 66.7 times."
    (said,) = rest
    assert said.startswith(
        "note: pictures of up to 200 x 150 are taken at 64 x 64, as --data.size is not given. A step of 8 "
    )
    assert re.search(
        r"all steps [\d.]+ \w+\. --data\.size 128 keeps more of them, and takes about 4 times the time\.$", said
    )
    assert list(notices(trainer_on(folder, **{"data.size": 64}))) == [first]


def test_large_squares_are_not_taken_whole_without_a_word(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "squares", [(160, 160)] * 10)
    _, said = notices(trainer_on(folder, generator={"name": "fastgan", "width": 8}))
    assert "are taken at 160 x 160" in said
    assert said.endswith("--data.size 64 takes about 0.16 of the time.")


def test_few_and_small_pictures_are_noted(tmp_path: Path) -> None:
    said = list(notices(trainer_on(pictures(tmp_path / "few", [(64, 64)] * 3))))
    assert said[1].startswith("note: 3 pictures are so few")
    said = list(notices(trainer_on(pictures(tmp_path / "small", [(12, 30), *[(40, 40)] * 9]))))
    assert said[1].startswith("note: there are pictures smaller than 16 x 16 (12 x 30)")
    assert list(notices(make_trainer(load_recipe("ring/gan", {"threads": 1, "device": "cpu"})))) == []


def test_a_step_is_timed_network_by_network_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_on(pictures(tmp_path / "photos", [(64, 64)] * 12), batch=32)
    kept = [{k: v.clone() for k, v in player.state_dict().items()} for player in trainer.players.values()]

    def took(work: Callable[[], object]) -> float:
        work()
        return 0.25

    monkeypatch.setattr("allmodes.training.notices._timed", took)
    assert step_seconds(trainer) == pytest.approx((1 + 3) * 0.25 * 32 / 4)  # generator, and discriminator three times
    for player, before in zip(trainer.players.values(), kept, strict=True):
        assert all(torch.equal(value, before[name]) for name, value in player.state_dict().items())
        assert all(weight.grad is None for weight in player.parameters())


def test_pictures_that_are_held_out_are_named_in_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "photos", [(16 + n, 16 + n) for n in range(10)])  # each of a colour of its own size
    overrides = {**GAN, "data": str(folder), "data.size": 16, "data.heldout": 0.3, "images": 16}
    trainer = make_trainer(load_recipe("few-shot/gan", overrides | {"generator.width": 8}))
    announce(trainer, tmp_path)
    names = (tmp_path / "heldout.txt").read_text().split()
    assert len(names) == 3
    held = trainer.dataset.heldout_images
    for name, image in zip(names, held, strict=True):
        pixels = Image.open(folder / name).resize((16, 16), Image.Resampling.LANCZOS)
        assert torch.equal(((image + 1) * 127.5).round().byte(), torch.from_numpy(np.array(pixels)).permute(2, 0, 1))
    assert "7 pictures, 16 presentations" in capsys.readouterr().err


def test_planar_runs_hold_nothing_out(tmp_path: Path) -> None:
    run = train("ring/imle", tmp_path / "run", overrides={"images": 256, "threads": 1, "device": "cpu"})
    assert not (run.path / "heldout.txt").exists()
