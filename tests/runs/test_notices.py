"""What is said before the first step, of pictures as people have them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.bench.speed import make_trainer
from allmodes.distances.pixels import Pixels
from allmodes.evaluation.evaluate import passes
from allmodes.evaluation.protocols.base import Looking
from allmodes.priors.dynamic_mixture import PACE, DynamicMixture
from allmodes.priors.fitted_mixture import FittedMixture
from allmodes.priors.gaussian import Gaussian
from allmodes.runs import forecast
from allmodes.runs.forecast import Forecast, step_seconds
from allmodes.runs.notices import announce, notices, rare_components
from allmodes.runs.run import train
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

GAN = {"discriminator.width": 8, "generator.width": 8, "batch": 8, "images": 800, "threads": 1, "device": "cpu"}


def pictures(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for number, (width, height) in enumerate(sizes):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about time."""
    monkeypatch.setattr(forecast, "timed", lambda work: 0.1)


def trainer_on(folder: Path, **overrides: object) -> Trainer:
    return make_trainer(load_recipe("few-shot/gan", {**GAN, "data": str(folder), **overrides}))


def test_large_pictures_are_taken_at_a_side_that_is_said_with_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path / "photos", [(200, 150), (130, 140), *[(64, 64)] * 10])
    first, time, *rest = notices(trainer_on(folder, images=1_200))
    assert first == "12 pictures, 1,200 presentations: each is shown about 100 times."
    assert re.fullmatch(
        r"This takes about [\d.]+ \w+, [\d.]+ \w+ of them for evaluation and report\. "
        r"What to expect: docs/choosing\.md\.",
        time,
    )
    (said,) = rest
    assert said == (
        "note: pictures of up to 200 x 150 are taken at 64 x 64, as --data.size is not given. "
        "--data.size 128 keeps more of them, and takes about 4 times the time."
    )
    monkeypatch.setattr(forecast, "timed", lambda work: 0.1)
    first_again, _ = notices(trainer_on(folder, **{"data.size": 64, "images": 1_200}))
    assert first_again == first


@pytest.mark.usefixtures("untimed")
def test_large_squares_are_not_taken_whole_without_a_word(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "squares", [(160, 160)] * 10)
    *_, said = notices(trainer_on(folder, generator={"name": "fastgan", "width": 8}))
    assert "are taken at 160 x 160" in said
    assert said.endswith("--data.size 64 takes about 0.16 of the time.")


@pytest.mark.usefixtures("untimed")
def test_few_and_small_pictures_are_noted(tmp_path: Path) -> None:
    said = list(notices(trainer_on(pictures(tmp_path / "few", [(64, 64)] * 3))))
    assert said[2].startswith("note: 3 pictures are so few")
    said = list(notices(trainer_on(pictures(tmp_path / "small", [(12, 30), *[(40, 40)] * 9]))))
    assert said[-1].startswith("note: there are pictures smaller than 16 x 16 (12 x 30)")
    assert list(notices(make_trainer(load_recipe("ring/gan", {"threads": 1, "device": "cpu"})))) == []


def test_a_step_is_timed_network_by_network_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_on(pictures(tmp_path / "photos", [(64, 64)] * 12), batch=32)
    kept = [{k: v.clone() for k, v in player.state_dict().items()} for player in trainer.players.values()]

    def took(work: Callable[[], object]) -> float:
        work()
        return 0.25

    monkeypatch.setattr(forecast, "timed", took)
    assert step_seconds(trainer) == pytest.approx((1 + 3) * 0.25 * 32 / 8)  # generator, and discriminator three times
    for player, before in zip(trainer.players.values(), kept, strict=True):
        assert all(torch.equal(value, before[name]) for name, value in player.state_dict().items())
        assert all(weight.grad is None for weight in player.parameters())


@pytest.mark.parametrize(("method", "looks"), [("conditional-imle", 1), ("regression", 2), ("srgan", 2)])
def test_originals_that_no_round_of_matching_has_seen_are_looked_at_in_each_step(
    method: str, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"data": {"name": "digits"}, "degradation.factor": 2, "prior.dim": 8, "distance": "pixels"}
    overrides = {"discriminator.layers": 2} if method == "srgan" else {}
    recipe = load_recipe(f"super-resolution/{method}", {**small, **overrides, "threads": 1, "device": "cpu"})
    trainer, seen = make_trainer(recipe), []
    embed = Pixels.embed
    monkeypatch.setattr(Pixels, "embed", lambda self, images: seen.append(len(images)) or embed(self, images))
    monkeypatch.setattr(forecast, "timed", lambda work: (work(), 0.1)[1])
    step_seconds(trainer)
    assert seen == [8] * looks


def test_a_step_that_learns_a_velocity_takes_one_network_call(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(load_recipe("ring/flow-matching", {"batch": 32, "threads": 1, "device": "cpu"}))
    monkeypatch.setattr(forecast, "timed", lambda work: 0.4)  # of samples, which take 20
    assert step_seconds(trainer) == pytest.approx(0.4 / 20 * 32 / 8)


def test_a_forecast_adds_what_every_network_has_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every call taking a second for eight examples, all times can be counted by hand."""
    changes = {"data": str(pictures(tmp_path / "photos", [(16, 16)] * 25)), "data.size": 16, "data.heldout": 0.2}
    changes |= {"distance": "pixels", "matching.project": None, "matching.pool": 100, "matching.refresh": 50}
    changes |= {"generator.width": 4, "images": 1_600, "evaluate_every": 500, "threads": 1, "device": "cpu"}
    trainer = make_trainer(load_recipe("few-shot/imle", changes))  # 100 steps of 16
    seen = Looking(samples=100, first=60, networks=(torch.nn.Identity(), torch.nn.Identity()))
    monkeypatch.setattr(forecast, "looking", lambda dataset, device: seen)
    monkeypatch.setattr(forecast, "timed", lambda work: 1.0)
    found = Forecast.of(trainer)
    step = 2 * 16 / 8  # generator and distance
    candidates = 100 / 50 * 2 / 8  # of a step: each is made and embedded
    assert found.steps == pytest.approx(100 * (step + candidates))
    assert found.looks == pytest.approx(3 * 60 * 2 / 8)  # made, and looked at by one network
    made = passes(trainer.dataset)
    audited = 2_000 * 2 / 8
    assert found.after == pytest.approx(made / 8 + 100 * 2 / 8 + audited + forecast.AUDIT)
    assert found.whole == pytest.approx(found.steps + found.looks + found.after)


@pytest.mark.usefixtures("untimed")
def test_many_presentations_are_written_as_a_plain_number(tmp_path: Path) -> None:
    trainer = trainer_on(pictures(tmp_path / "photos", [(64, 64)] * 12), images=90_000)
    assert next(notices(trainer)) == "12 pictures, 90,000 presentations: each is shown about 7,500 times."


@pytest.mark.usefixtures("untimed")
def test_few_presentations_of_each_picture_are_noted(tmp_path: Path) -> None:
    trainer = trainer_on(pictures(tmp_path / "photos", [(64, 64)] * 12))
    assert list(notices(trainer))[2] == (
        "note: photographs were measured with some 500 presentations of each: --images 6000 shows these as often."
    )


@pytest.mark.usefixtures("untimed")
def test_patience_without_looks_for_copies_is_noted(tmp_path: Path) -> None:
    toy = {"threads": 1, "device": "cpu", "patience": 100, "evaluate_every": 64}
    assert list(notices(make_trainer(load_recipe("ring/gan", toy)))) == [
        "note: copies are only looked for where there are 10 to 2,000 pictures: patience has no effect here."
    ]
    folder = pictures(tmp_path / "photos", [(64, 64)] * 12)
    assert not any("patience" in said for said in notices(trainer_on(folder, patience=100)))


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
    assert "7 pictures and 3 held out, 16 presentations" in capsys.readouterr().err


def test_planar_runs_hold_nothing_out(tmp_path: Path) -> None:
    run = train("ring/imle", tmp_path / "run", overrides={"images": 256, "threads": 1, "device": "cpu"})
    assert not (run.path / "heldout.txt").exists()


def test_components_that_have_died_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prior = DynamicMixture(4, components=4, weights="learned")
    assert prior.logits is not None
    assert not list(rare_components(prior))
    assert not list(rare_components(Gaussian(4)))
    for smaller, expected in ((12.9, 0), (13.1, 1)):  # x / (3 + x) is below 0.1 / 4 where 1 / x is above 13
        with torch.no_grad():
            prior.logits[2] = -math.log(smaller) / PACE
        said = list(rare_components(prior))
        assert len(said) == expected
        assert all("drawn of component 2 of the prior" in note and "--optimizer.prior.lr" in note for note in said)
    fitted = FittedMixture(4, components=4)  # by no descent: there is no rate to lower
    fitted.shares.copy_(torch.tensor([0.5, 0.49, 0.01, 0.0]))
    (said,) = rare_components(fitted)
    assert "2 of 4 components" in said
    assert "optimizer" not in said
    mixture = {"prior": {"name": "dynamic-mixture", "dim": 2, "components": 3, "weights": "learned"}}
    fast = {"images": 96, "batch": 16, "threads": 1, "device": "cpu", "optimizer.prior.lr": 1.0, "ema": 0.0}
    train("ring/gan", tmp_path / "run", overrides={**mixture, **fast})
    assert re.search(r"drawn of (component \d|2 of 3 components) of the prior", capsys.readouterr().err)


DIGITS = {"data": "digits", "threads": 1, "device": "cpu", "batch": 32}


@pytest.mark.usefixtures("untimed")
@pytest.mark.parametrize(
    ("name", "option", "enough"), [("mnist/gm-gan-em", "every", 200_000), ("mnist/info-gan", "settle", 160_000)]
)
def test_a_training_too_short_for_what_it_does_late_is_noted(name: str, option: str, enough: int) -> None:
    def said(**changes: object) -> list[str]:
        noted = notices(make_trainer(load_recipe(name, {**DIGITS, **changes})))
        return [note for note in noted if f"--objective.{option}" in note]

    (note,) = said(images=enough)
    assert f"{enough:,} images" in note
    remedy = int(note.split(f"--objective.{option} ")[1].split()[0])
    assert not said(images=enough, **{f"objective.{option}": remedy})
    assert not said(images=enough + 1)


def test_a_forecast_counts_what_inversions_make(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,500 images at each of 8 fits: found again, then 20 steps of three passes; and 500 samples to start from."""
    options = {"objective.every": 4_000, "objective.inverted": 1_500, "objective.pool": 500, "images": 32_000}
    monkeypatch.setattr(forecast, "timed", lambda work: 1.0)
    fitted = Forecast.of(make_trainer(load_recipe("mnist/gm-gan-em", DIGITS | options)))
    static = Forecast.of(make_trainer(load_recipe("mnist/gm-gan-static", DIGITS | {"images": 32_000})))
    assert fitted.steps - static.steps == pytest.approx(8 * (1_500 * (1 + 3 * 20) + 500) / 8)


@pytest.mark.parametrize("method", ["conditional-imle", "chimle", "regression"])
def test_a_forecast_counts_the_candidates_of_every_input(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every call taking a second for eight examples, all times can be counted by hand."""
    changes = {"data": "digits", "degradation.factor": 4, "prior.dim": 9, "distance": "pixels", "threads": 1}
    changes |= {"generator.width": 4, "generator.style": 4, "images": 1_600, "batch": 16, "device": "cpu"}
    if method == "conditional-imle":
        changes |= {"matching.pool": 20, "matching.refresh": 50}
    if method == "chimle":
        changes |= {"objective.pools": [5, 3, 2], "objective.refresh": 50}
    trainer = make_trainer(load_recipe(f"super-resolution/{method}", changes))  # 100 steps of 16
    monkeypatch.setattr(forecast, "timed", lambda work: 1.0)
    own = {
        "conditional-imle": 2 * 16 / 8 + 20 * 16 * 2 / 8,  # 20 candidates for each of 16 inputs, made and embedded
        "chimle": (1 + 2 * (1 + 1 / 4 + 1 / 16)) * 16 / 8 + (5 + 3 + 2) * 16 / 8,  # of each level, its work alone
        "regression": 3 * 16 / 8,  # made, and embedded with its original
    }
    assert Forecast.of(trainer).steps == pytest.approx(100 * own[method])


def test_a_round_makes_candidates_for_each_of_few_inputs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"data": "digits", "degradation.factor": 4, "prior.dim": 9, "distance": "pixels", "threads": 1}
    changes |= {"generator.width": 4, "generator.style": 4, "images": 1_600, "batch": 16, "device": "cpu"}
    trainer = make_trainer(load_recipe("super-resolution/conditional-imle", {**changes, "matching.refresh": 1_000}))
    monkeypatch.setattr(forecast, "timed", lambda work: 1.0)
    assert forecast.matching_seconds(trainer) == pytest.approx(20 * len(trainer.dataset) * 2 / 8 / 1_000)
