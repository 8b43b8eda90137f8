"""Each command on a trained toy or a small image model: what it writes, what it answers, what it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from allmodes.cli import main
from allmodes.cli.commands.interpolate import STEPS, STOPS
from allmodes.core.discovery import entries
from allmodes.core.pictures import GUTTER
from allmodes.data.base import Dataset
from allmodes.model import Model, build_networks, load
from allmodes.priors.gaussian import great_circle
from allmodes.runs.run import train

needs_images = pytest.mark.skipif(
    "images" not in entries("allmodes.data", Dataset), reason="needs the data set 'images'"
)
MakeModel = Callable[[tuple[int, int, int]], Path]
Capture = pytest.CaptureFixture[str]


def answer_of(words: list[str], capsys: Capture) -> Any:
    """What a command answers as JSON."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal_of(words: list[str], capsys: Capture) -> str:
    """The one sentence of a command that cannot be carried out."""
    capsys.readouterr()
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    sentence = told.err.splitlines()[-1]
    assert sentence.startswith("error: ")
    return sentence


class TestRecipes:
    def test_lists_every_recipe(self, capsys: Capture) -> None:
        titles = answer_of(["recipes"], capsys)
        assert {"stacked-digits/gan", "stacked-digits/imle-gan", "stacked-mnist/imle-gan", "ring/imle"} <= set(titles)
        assert main(["recipes"]) == 0
        out = capsys.readouterr().out
        assert all(f"{name} " in out and title in out for name, title in titles.items())

    def test_explains_one(self, capsys: Capture) -> None:
        for name in ("stacked-digits/imle-gan", "stacked-mnist/gan", "spiral/imle"):
            assert main(["recipes", name]) == 0
            out = capsys.readouterr().out
            assert out.startswith(f"{name}: ")
            assert "--optimizer.lr" in out
            assert "objective: " in out
        assert main(["recipes", "few-shot/imle-gan"]) == 0
        assert "--optimizer.discriminator.lr  0.0005\n" in capsys.readouterr().out

    def test_guesses_what_was_meant(self, capsys: Capture) -> None:
        assert "Did you mean 'ring/imle'?" in refusal_of(["recipes", "ring/imel"], capsys)


class TestTrain:
    def test_prints_the_complete_recipe(self, capsys: Capture) -> None:
        assert main(["train", "--images=1000", "ring/gan", "--optimizer.lr", "1e-4", "--print_config"]) == 0
        config = yaml.safe_load(capsys.readouterr().out)
        assert (config["images"], config["optimizer"]["lr"]) == (1000, 1e-4)

    def test_a_printed_recipe_is_a_recipe(self, tmp_path: Path, capsys: Capture) -> None:
        assert main(["train", "ring/imle", "--prior.dim", "3", "--print_config"]) == 0
        text = capsys.readouterr().out
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        assert main(["train", str(tmp_path / "mine.yaml"), "--print_config"]) == 0
        assert capsys.readouterr().out == text

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["ring/gan", "--imagse", "10"], "Did you mean 'images'?"),
            (["ring/gan", "--generator.widht=3"], "generator.widht"),
            (["ring/gan", "--images", "many"], "'images' is 'many'"),
            (["ring/gan", "--images"], "--images needs a value"),
            (["ring/gna"], "Did you mean 'ring/gan'?"),
            (["missing.yaml"], "missing.yaml"),
        ],
    )
    def test_refuses(self, words: list[str], said: str, capsys: Capture) -> None:
        assert said in refusal_of(["train", *words, "--print_config"], capsys)

    def test_leaves_a_complete_run(self, ring: Path) -> None:
        for name in ("recipe.yaml", "environment.json", "metrics.jsonl", "evaluation.json", "report.html"):
            assert (ring / name).stat().st_size > 0
        assert (ring / "samples" / "training.gif").exists()

    def test_a_finished_run_stays_as_it_is(self, ring: Path, capsys: Capture) -> None:
        before = (ring / "model" / "model.safetensors").read_bytes()
        recipe = str(ring / "recipe.yaml")
        document = answer_of(["train", recipe, "--out", str(ring)], capsys)
        assert (ring / "audit" / "index.html").exists()
        assert json.loads((ring / "audit" / "audit.json").read_text())["verdict"] in (ring / "report.html").read_text()
        assert document["run"] == str(ring)
        assert set(document["headline"]) >= {"modes"}
        assert (ring / "model" / "model.safetensors").read_bytes() == before

    def test_does_not_mix_two_recipes_in_a_folder(self, ring: Path, capsys: Capture) -> None:
        words = ["train", str(ring / "recipe.yaml"), "--out", str(ring), "--seed", "7"]
        assert "--fresh" in refusal_of(words, capsys)


class TestSample:
    def test_draws_a_picture(self, make_model: MakeModel, tmp_path: Path) -> None:
        out = tmp_path / "new" / "grid.png"
        assert main(["sample", str(make_model((3, 8, 8))), "--out", str(out)]) == 0
        with Image.open(out) as picture:
            assert picture.width == picture.height >= 8 * 64

    @pytest.mark.parametrize(("shape", "stored"), [((1, 8, 8), (5, 8, 8)), ((3, 8, 8), (5, 8, 8, 3))])
    def test_writes_an_array(
        self, make_model: MakeModel, tmp_path: Path, shape: tuple[int, int, int], stored: tuple[int, ...]
    ) -> None:
        model = make_model(shape)
        for name, number in (("a.npz", "5"), ("b.npz", "9")):
            assert main(["sample", str(model), "-n", number, "--seed", "3", "--out", str(tmp_path / name)]) == 0
        five, nine = (np.load(tmp_path / name)["images"] for name in ("a.npz", "b.npz"))
        assert (five.shape, five.dtype) == (stored, np.uint8)
        assert (five == nine[:5]).all()
        real = load(model).sample(5, seed=3).permute(0, 2, 3, 1).numpy().reshape(stored)
        assert np.abs((real + 1) * 127.5 - five).max() <= 0.51

    def test_fills_a_folder_with_the_same_pixels(self, make_model: MakeModel, tmp_path: Path) -> None:
        model = make_model((3, 8, 8))
        folder, array = tmp_path / "pictures", tmp_path / "a.npz"
        assert main(["sample", str(model), "-n", "12", "--out", f"{folder}/"]) == 0
        assert main(["sample", str(model), "-n", "12", "--out", str(array)]) == 0
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == [f"{number:02}.png" for number in range(12)]
        pictures = []
        for file in files:
            with Image.open(file) as picture:
                pictures.append(np.asarray(picture))
        assert (np.stack(pictures) == np.load(array)["images"]).all()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "model", "pictures"]

    def test_does_not_mix_with_what_is_there(self, make_model: MakeModel, tmp_path: Path, capsys: Capture) -> None:
        model = make_model((1, 8, 8))
        assert "empty this one" in refusal_of(["sample", str(model), "--out", str(model)], capsys)

    def test_one_component_or_class_with_less_noise(self, tmp_path: Path, capsys: Capture) -> None:
        parts = {
            "generator": {"name": "toy-mlp", "width": 8},
            "prior": {"name": "gaussian-mixture", "dim": 2, "components": 4, "classes": 2},
            "shape": [1, 8, 8],
        }
        Model(*build_networks(parts), config=parts, card={}).save(tmp_path / "model")
        words, out = ["sample", str(tmp_path / "model"), "-n", "5", "--sigma", "0.7"], tmp_path / "a.npz"
        for asked in ({"component": 3}, {"label": 1}):
            ((word, number),) = asked.items()
            assert main([*words, f"--{word}", str(number), "--out", str(out)]) == 0
            real = load(tmp_path / "model").sample(5, sigma=0.7, **asked)[:, 0].numpy()
            assert np.abs(np.load(out)["images"] - (real + 1) * 127.5).max() <= 0.51
            assert f"There is no {word} 4" in refusal_of([*words, f"--{word}", "4", "--out", str(out)], capsys)
        assert "above 0" in refusal_of(["sample", str(tmp_path / "model"), "--sigma", "0", "--out", str(out)], capsys)

    def test_a_flow_in_as_many_steps_as_asked_for(self, ring: Path, tmp_path: Path, capsys: Capture) -> None:
        parts = {
            "generator": {"name": "unet", "width": 4, "steps": 2, "solver": "euler"},
            "prior": {"name": "gaussian", "dim": 64},
            "shape": [1, 8, 8],
        }
        Model(*build_networks(parts), config=parts, card={}).save(tmp_path / "model")
        words = ["sample", str(tmp_path / "model"), "-n", "3", "--out", str(tmp_path / "a.npz")]
        assert answer_of(words, capsys)["calls"] == 2
        assert answer_of([*words, "--steps", "7"], capsys)["calls"] == 7
        real = load(tmp_path / "model").solve_in(7).sample(3)[:, 0].numpy()
        assert np.abs(np.load(tmp_path / "a.npz")["images"] - (real + 1) * 127.5).max() <= 0.51
        assert "--steps: '0' is not a whole number" in refusal_of([*words, "--steps", "0"], capsys)
        for command in (["sample", str(ring), "--out", str(tmp_path / "b.npz")], ["evaluate", str(ring)]):
            assert "one call, without steps" in refusal_of([*command, "--steps", "5"], capsys)

    def test_points_of_the_plane(self, ring: Path, tmp_path: Path, capsys: Capture) -> None:
        assert main(["sample", str(ring), "-n", "300", "--out", str(tmp_path / "a.npz")]) == 0
        assert np.load(tmp_path / "a.npz")["points"].shape == (300, 2)
        assert main(["sample", str(ring), "-n", "300", "--out", str(tmp_path / "a.png")]) == 0
        with Image.open(tmp_path / "a.png") as picture:
            assert picture.width == picture.height
        assert "are points" in refusal_of(["sample", str(ring), "--out", str(tmp_path / "folder")], capsys)

    def test_needs_a_model(self, tmp_path: Path, capsys: Capture) -> None:
        said = refusal_of(["sample", str(tmp_path), "--out", str(tmp_path / "a.png")], capsys)
        assert str(tmp_path) in said

    def test_more_than_fits_into_memory_is_refused(
        self, make_model: MakeModel, tmp_path: Path, capsys: Capture
    ) -> None:
        words = ["sample", str(make_model((1, 8, 8))), "--out", str(tmp_path / "a.npz"), "-n", str(10**12)]
        assert "1,000,000,000,000 samples need" in refusal_of(words, capsys)

    def test_a_training_that_has_not_ended_is_said(self, tmp_path: Path, capsys: Capture) -> None:
        (tmp_path / "run" / "checkpoints").mkdir(parents=True)
        words = ["sample", str(tmp_path / "run"), "--out", str(tmp_path / "a.png")]
        assert "has not ended" in refusal_of(words, capsys)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_place_that_cannot_be_written(self, make_model: MakeModel, tmp_path: Path, capsys: Capture) -> None:
        model = make_model((1, 8, 8))
        tmp_path.chmod(0o500)
        said = refusal_of(["sample", str(model), "--out", str(tmp_path / "a.png")], capsys)
        tmp_path.chmod(0o700)
        assert "Cannot write" in said


class TestEvaluate:
    def test_measures_what_the_training_measured(self, ring: Path, capsys: Capture) -> None:
        found = answer_of(["evaluate", str(ring)], capsys)
        kept = json.loads((ring / "evaluation.json").read_text(encoding="utf-8"))
        ours, theirs = ({score["name"]: score["value"] for score in each["scores"]} for each in (found, kept))
        assert ours.keys() == theirs.keys()
        assert ours["modes"] == theirs["modes"]

    def test_shows_what_was_asked_for(self, ring: Path, capsys: Capture) -> None:
        found = answer_of(["evaluate", str(ring), "--metrics", "modes"], capsys)
        assert [score["name"] for score in found["scores"]] == ["modes"]
        assert list(found["headline"]) == ["modes"]
        assert found["scores"][0]["n_real"] is None  # modes are counted among samples, by a law that is known
        assert found["scores"][0]["n_fake"] > 0
        found = answer_of(["evaluate", str(ring), "--metrics", "kl,worst_distance"], capsys)
        assert [score["name"] for score in found["scores"]] == ["kl", "worst_distance"]
        assert main(["evaluate", str(ring)]) == 0
        assert capsys.readouterr().out.splitlines()[0].split() == ["figure", "value", "95%", "interval", "samples"]

    def test_refuses_what_it_does_not_know(self, ring: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "Did you mean 'modes'?" in refusal_of(["evaluate", str(ring), "--metrics", "mods"], capsys)
        assert str(tmp_path) in refusal_of(["evaluate", str(tmp_path)], capsys)

    def test_refuses_data_that_have_changed(self, tmp_path: Path, capsys: Capture) -> None:
        rng = np.random.default_rng(0)
        np.save(tmp_path / "a.npy", rng.integers(0, 255, (12, 16, 16), dtype=np.uint8))
        small = ["--images", "32", "--batch", "8", "--generator.width", "4", "--matching.pool", "8", "--threads", "1"]
        small += ["--distance", "pixels", "--evaluate_every", "0"]
        run = str(tmp_path / "run")
        assert main(["train", "few-shot/imle", "--data", str(tmp_path / "a.npy"), "--out", run, *small]) == 0
        np.save(tmp_path / "a.npy", rng.integers(0, 255, (13, 16, 16), dtype=np.uint8))
        assert "The data are not those that" in refusal_of(["evaluate", run], capsys)


class TestEvaluateInAFeatureSpace:
    def test_metrics_carry_their_certificate(self, ring: Path, capsys: Capture) -> None:
        words = ["evaluate", str(ring), "--distance", "pixels", "-n", "300"]
        found = answer_of([*words, "--metrics", "recall,vendi"], capsys)
        assert [score["name"] for score in found["scores"]] == ["recall", "vendi"]
        for score in found["scores"]:
            assert (score["n_fake"], score["certificate"]["features"]) == (300, "features")
            assert score["certificate"]["split"] == "training data"
        assert main(words) == 0
        assert "Fréchet distance" in capsys.readouterr().out

    def test_what_needs_a_feature_space_says_so(self, ring: Path, capsys: Capture) -> None:
        assert "add --distance inception" in refusal_of(["evaluate", str(ring), "--metrics", "fid"], capsys)
        assert "add --distance D" in refusal_of(["evaluate", str(ring), "--metrics", "vendi"], capsys)
        assert "--metrics" in refusal_of(["evaluate", str(ring), "--metrics", ","], capsys)
        assert "with --distance" in refusal_of(["evaluate", str(ring), "--distance.pool", "2"], capsys)
        assert "--split is of --distance" in refusal_of(["evaluate", str(ring), "--split", "test"], capsys)
        assert "--sigma is of --distance" in refusal_of(["evaluate", str(ring), "--sigma", "0.5"], capsys)
        words = ["evaluate", str(ring), "--distance", "pixels", "--split", "test"]
        assert "have no test split: leave out --split test" in refusal_of(words, capsys)
        said = refusal_of(["evaluate", str(ring), "--distance", "pixels", "--distance.pol", "2"], capsys)
        assert "Did you mean 'pool'?" in said


class TestAudit:
    @pytest.fixture
    def sides(self, tmp_path: Path) -> list[str]:
        rng = np.random.default_rng(0)
        for name in ("real", "fake"):
            np.save(tmp_path / f"{name}.npy", rng.integers(0, 255, (80, 8, 8), dtype=np.uint8))
        return ["--real", str(tmp_path / "real.npy"), "--fake", str(tmp_path / "fake.npy")]

    def test_the_feature_space_and_the_metrics_can_be_chosen(
        self, sides: list[str], tmp_path: Path, capsys: Capture
    ) -> None:
        words = ["audit", *sides, "--out", str(tmp_path / "out"), "--metrics", "recall, kernel_distance"]
        found = answer_of([*words, "--distance", "random-convolution", "--distance.width", "2"], capsys)
        assert list(found["summary"]) == ["recall", "kernel_distance"]
        assert found["distance"]["fingerprint"] == "random-convolution(width=2, seed=0)"
        assert json.loads((tmp_path / "out" / "audit.json").read_text()) == found
        assert (tmp_path / "out" / "index.html").exists()
        assert main(words) == 0
        assert "In pixels, all 64 dimensions:" in capsys.readouterr().out

    def test_what_cannot_be_done_is_said(self, sides: list[str], tmp_path: Path, capsys: Capture) -> None:
        words = ["audit", *sides, "--out", str(tmp_path / "out")]
        assert "add --distance inception" in refusal_of([*words, "--metrics", "fid"], capsys)
        assert "no option '--distanc'" in refusal_of([*words, "--distanc", "pixels"], capsys)
        assert "not a whole number of at least 0" in refusal_of([*words, "--seed", "-1"], capsys)
        weights = ["--distance", "inception", "--distance.path", str(tmp_path / "none.pth")]
        assert "none.pth" in refusal_of([*words, *weights], capsys)
        assert not (tmp_path / "out").exists()

    def test_a_limit_that_is_surely_not_kept_is_one_line_and_exit_code_1(self, tmp_path: Path, capsys: Capture) -> None:
        rng = np.random.default_rng(0)
        real = rng.normal(size=(400, 2)) + 20 * (np.arange(400) < 160)[:, None]  # of which samples lack two fifths
        np.save(tmp_path / "real.npy", real)
        np.save(tmp_path / "fake.npy", rng.normal(size=(400, 2)))
        sides = ["--real", str(tmp_path / "real.npy"), "--fake", str(tmp_path / "fake.npy")]
        words = ["audit", *sides, "--metrics", "recall", "--out", str(tmp_path / "out"), "--json"]
        assert main([*words, "--fail-above", "0.05"]) == 1
        out, err = capsys.readouterr()
        found = json.loads(out)
        least = found["dropped_mass"]["ci95"][0]
        assert 0.05 < least <= 0.4
        assert [line for line in err.splitlines() if "--fail-above" in line] == [
            f"At least {least:.1%} of the data is dropped, more than the 5.0% of --fail-above."
        ]
        assert json.loads((tmp_path / "out" / "audit.json").read_text()) == found
        assert main([*words, "--fail-above", "0.4"]) == 0
        assert "Not surely more than the 40.0% of --fail-above is dropped: about " in capsys.readouterr().err
        assert main(words) == 0
        assert "--fail-above" not in capsys.readouterr().err
        np.save(tmp_path / "few.npy", rng.normal(size=(40, 2)))
        sides[1] = sides[3] = str(tmp_path / "few.npy")
        assert main(["audit", *sides, *words[5:], "--fail-above", "0.05"]) == 0
        assert "Whether more than the 5.0% of --fail-above is dropped cannot be told: about " in capsys.readouterr().err
        assert "'5%' is not a number from 0 to 1" in refusal_of([*words, "--fail-above", "5%"], capsys)
        assert "'nan' is not" in refusal_of([*words, "--fail-above", "nan"], capsys)

    def test_every_checkpoint_of_a_run_is_audited(
        self, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("allmodes.auditing.watch.SAMPLES", 100)
        run, real = tmp_path / "run", tmp_path / "real.npy"
        given = {"images": 64, "batch": 64, "evaluate_every": 0, "device": "cpu", "threads": 1}
        train("ring/gan", run, overrides=given)
        np.save(real, np.random.default_rng(0).normal(100, 1, (80, 2)))  # far from where any sample is
        words = ["audit", "--real", str(real), "--fake", str(run), "--every"]
        out = tmp_path / "out"
        assert main([*words, "--json", "--fail-above", "0.5", "--out", str(out)]) == 1
        printed, err = capsys.readouterr()
        (look,) = json.loads(printed)["looks"]
        assert json.loads(printed) == json.loads((run / "watch.json").read_text())
        assert (look["images"], look["collapse"]) == (64, "yes")
        assert json.loads((out / "audit.json").read_text())["dropped_mass"]["ci95"][0] == look["least"] > 0.5
        assert f"At least {look['least']:.1%} of the data is dropped, more than the 50.0% of --fail-above." in err
        assert "What it left out, over its training" in (run / "report.html").read_text()
        assert main(words) == 0
        assert capsys.readouterr().out.startswith("After 64 presentations: about ")
        monkeypatch.setattr("allmodes.cli.commands.audit.on_one_screen", lambda: True)
        assert main(words) == 0  # a look that was told before now is told
        assert capsys.readouterr().out.startswith("After 64 presentations: about ")
        (run / "watch.json").unlink()
        assert main(words) == 0
        printed, err = capsys.readouterr()
        assert ("After 64" in err, "After 64" in printed, "The curve: " in printed) == (True, False, True)
        assert "so there is no page for" in refusal_of([*words, "--out", str(tmp_path / "later")], capsys)
        assert main([*words, "--out", str(out)]) == 0
        assert "are required: --out" in refusal_of(words[:-1], capsys)
        assert "real.npy is not a run" in refusal_of([*words[:3], "--fake", str(real), "--every"], capsys)

    def test_does_not_mix_with_what_is_there(self, sides: list[str], tmp_path: Path, capsys: Capture) -> None:
        (tmp_path / "web").mkdir()
        (tmp_path / "web" / "index.html").write_text("mine")
        assert "is not empty" in refusal_of(["audit", *sides, "--out", str(tmp_path / "web")], capsys)
        assert (tmp_path / "web" / "index.html").read_text() == "mine"
        assert "is a file" in refusal_of(["audit", *sides, "--out", str(tmp_path / "real.npy")], capsys)
        below = str(tmp_path / "real.npy" / "out")
        assert "real.npy is a file" in refusal_of(["audit", *sides, "--out", below], capsys)


class TestBench:
    def test_options_of_another_subject_are_refused(self, tmp_path: Path, capsys: Capture) -> None:
        said = refusal_of(["bench", "metrics", "--metrics", "recall"], capsys)
        assert "--metrics is of bench audit, not of bench metrics" in said
        assert "of bench training" in refusal_of(["bench", "search", "--recipes", "ring/imle"], capsys)
        assert "--threads" in refusal_of(["bench", "training", "--threads", "0"], capsys)
        assert "Did you mean 'cifar10'" in refusal_of(["bench", "audit", "--data", "cifar-10"], capsys)
        (tmp_path / "file").touch()
        assert "is a file" in refusal_of(["bench", "training", "--out", str(tmp_path / "file")], capsys)


class TestCompare:
    def test_tables_and_pages(self, ring: Path, tmp_path: Path, capsys: Capture) -> None:
        rows = answer_of(["compare", str(ring), str(ring), "--out", str(tmp_path / "a.md")], capsys)
        assert len(rows) == 1
        assert rows[0]["figures"]["modes"]["seeds"] == 2
        assert (tmp_path / "a.md").read_text(encoding="utf-8").startswith("| recipe |")
        assert main(["compare", str(ring), "--out", str(tmp_path / "a.html")]) == 0
        assert "recipe" in capsys.readouterr().out
        assert "<html" in (tmp_path / "a.html").read_text(encoding="utf-8")

    def test_needs_runs(self, tmp_path: Path, capsys: Capture) -> None:
        assert str(tmp_path) in refusal_of(["compare", str(tmp_path)], capsys)


class TestInterpolate:
    @pytest.mark.parametrize("suffix", [".gif", ".webp"])
    def test_animates_a_loop(self, make_model: MakeModel, tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"walk{suffix}"
        assert main(["interpolate", str(make_model((3, 8, 8))), "--out", str(out)]) == 0
        with Image.open(out) as animation:
            assert animation.n_frames == STOPS * STEPS + 1  # type: ignore[attr-defined]

    def test_draws_walks_as_rows(self, make_model: MakeModel, tmp_path: Path) -> None:
        out = tmp_path / "walk.png"
        assert main(["interpolate", str(make_model((1, 8, 8))), "--out", str(out)]) == 0
        with Image.open(out) as picture:
            assert picture.width > picture.height

    def test_moves_points_of_the_plane(self, ring: Path, tmp_path: Path) -> None:
        assert main(["interpolate", str(ring), "--out", str(tmp_path / "walk.png")]) == 0
        assert (tmp_path / "walk.png").stat().st_size > 0

    def test_walks_past_given_pictures(self, make_model: MakeModel, tmp_path: Path, capsys: Capture) -> None:
        model, out = str(make_model((3, 8, 8))), tmp_path / "walk.gif"
        assert main(["sample", model, "-n", "3", "--seed", "5", "--out", str(tmp_path / "made/")]) == 0
        pictures = sorted(str(path) for path in (tmp_path / "made").iterdir())
        found = answer_of(["interpolate", model, "--images", *pictures, "--out", str(out)], capsys)
        assert found["frames"] == 3 * 2 * STEPS + 1
        assert max(found["distances"]) < 0.2
        tile = 64 + GUTTER
        with Image.open(out) as animation:
            assert animation.size == (4 * tile + GUTTER, tile + GUTTER)
            for number in range(3):  # at each stop the tile that walks is the picture, as near as it was found
                animation.seek(2 * STEPS * number)
                frame = np.asarray(animation.convert("RGB")).astype(float)
                given, here = (frame[GUTTER:tile, at * tile + GUTTER : (at + 1) * tile] for at in (number, 3))
                assert np.square((given - here) / 127.5).mean() ** 0.5 < found["distances"][number] + 0.1

    def test_a_row_for_each_way(self, make_model: MakeModel, tmp_path: Path, capsys: Capture) -> None:
        for name, grey in (("a.png", 0), ("b.png", 255)):
            Image.new("L", (20, 30), grey).save(tmp_path / name)
        words = ["interpolate", str(make_model((1, 8, 8))), "--out", str(tmp_path / "walk.png"), "--images"]
        found = answer_of([*words, *(str(tmp_path / name) for name in ("a.png", "b.png", "a.png"))], capsys)
        assert found["frames"] == 2 * (STEPS // 2 + 1)
        grid = np.asarray(Image.open(tmp_path / "walk.png"))
        assert grid.shape == (2 * (64 + GUTTER) + GUTTER, (STEPS // 2 + 3) * (64 + GUTTER) + GUTTER, 3)
        corners = grid[[10, 10, -10, -10], [10, -10, 10, -10], 0]
        assert corners.tolist() == [0, 255, 255, 0]

    def test_refuses_pictures(self, make_model: MakeModel, ring: Path, tmp_path: Path, capsys: Capture) -> None:
        Image.new("L", (8, 8)).save(tmp_path / "a.png")
        end = ["--out", str(tmp_path / "x.gif"), "--images", str(tmp_path / "a.png")]
        model = str(make_model((1, 8, 8)))
        assert "needs two pictures" in refusal_of(["interpolate", model, *end], capsys)
        assert "none.png is no file" in refusal_of(["interpolate", model, *end, str(tmp_path / "none.png")], capsys)
        assert "points of the plane" in refusal_of(["interpolate", str(ring), *end, str(tmp_path / "a.png")], capsys)

    def test_the_great_circle_keeps_the_length_and_meets_its_ends(self) -> None:
        a, b = torch.nn.functional.normalize(torch.tensor([[3.0, 0.0, 1.0], [0.5, -2.0, 0.0]]), dim=1).double()[:, None]
        for t in torch.linspace(0, 1, 7):
            assert great_circle(a, b, t).norm().item() == pytest.approx(1, abs=1e-6)
        assert torch.allclose(great_circle(a, b, torch.tensor(0.0)), a)
        assert torch.allclose(great_circle(a, b, torch.tensor(1.0)), b)
        assert torch.allclose(great_circle(a, 2 * a, torch.tensor(0.5)), 1.5 * a, atol=1e-3)


class TestData:
    def test_lists_names(self, capsys: Capture) -> None:
        assert {"mnist", "stacked", "ring"} <= set(answer_of(["data", "list"], capsys))

    @pytest.mark.parametrize(("name", "shape", "examples"), [("ring", [2], 8), ("digits", [1, 8, 8], 1437)])
    def test_describes_data_by_name(self, name: str, shape: list[int], examples: int, capsys: Capture) -> None:
        for action in ("info", "prepare"):
            found = answer_of(["data", action, name], capsys)
            assert (found["name"], found["shape"], found["examples"]) == (name, shape, examples)

    @needs_images
    def test_describes_a_folder(self, tmp_path: Path, capsys: Capture) -> None:
        for number in range(3):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
        found = answer_of(["data", "info", str(tmp_path)], capsys)
        assert found["examples"] == 3
        assert list(found["shape"]) == [3, 8, 8]
        assert found["resize"] == "none"
        Image.new("RGB", (9, 12)).save(tmp_path / "another.png")
        assert answer_of(["data", "info", str(tmp_path)], capsys)["resize"] == "central square, Lanczos to 64 x 64"
        assert main(["data", "info", str(tmp_path)]) == 0
        assert "3 x 64 x 64" in capsys.readouterr().out

    @needs_images
    def test_reads_the_samples_that_were_written(self, make_model: MakeModel, tmp_path: Path, capsys: Capture) -> None:
        out = tmp_path / "samples.npz"
        assert main(["sample", str(make_model((1, 8, 8))), "-n", "20", "--out", str(out)]) == 0
        found = answer_of(["data", "info", str(out)], capsys)
        assert (found["examples"], list(found["shape"])) == (20, [1, 8, 8])

    def test_refuses(self, tmp_path: Path, capsys: Capture) -> None:
        assert "allmodes data list" in refusal_of(["data", "prepare"], capsys)
        assert "Did you mean 'mnist'?" in refusal_of(["data", "prepare", "mnits"], capsys)
        assert "nowhere" in refusal_of(["data", "info", str(tmp_path / "nowhere")], capsys)


@pytest.mark.gpu
def test_the_model_draws_the_same_on_a_gpu(make_model: MakeModel) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    model = load(make_model((3, 8, 8)))
    here = model.sample(64, seed=1)
    assert torch.allclose(model.to("cuda").sample(64, seed=1), here, atol=1e-4)


@pytest.mark.gpu
def test_a_short_training_on_a_gpu(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    assert main(["train", "ring/imle", "--device", "cuda", "--images", "2560", "--out", str(tmp_path / "run")]) == 0
    environment = json.loads((tmp_path / "run" / "environment.json").read_text(encoding="utf-8"))
    assert environment["device"].startswith("cuda")


class TestInvert:
    def test_samples_are_found_again(
        self, make_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = str(make_model((1, 8, 8)))
        assert main(["sample", model, "-n", "15", "--seed", "3", "--out", str(tmp_path / "x.npz")]) == 0
        capsys.readouterr()
        words = ["invert", model, "--images", str(tmp_path / "x.npz"), "--out", str(tmp_path / "found")]
        near = answer_of([*words, "--steps", "300"], capsys)
        far = answer_of([*words, "--steps", "1"], capsys)
        assert near["images"] == len(near["detail"]["distances"]) == 15
        assert near["value"] < 0.5 * far["value"]
        assert {path.name for path in (tmp_path / "found").iterdir()} == {
            "invert.json",
            "latents.safetensors",
            "pairs.png",
        }

    def test_images_that_are_not_there_are_said(
        self, make_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["invert", str(make_model((1, 8, 8))), "--images", str(tmp_path / "no"), "--out", str(tmp_path / "out")]
        assert "does not exist" in refusal_of(words, capsys)
        assert not (tmp_path / "out").exists()

    def test_results_have_a_folder_and_names_of_their_own(
        self, make_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model, photos = str(make_model((1, 8, 8))), tmp_path / "photos"
        photos.mkdir()
        for name in ("b", "a"):
            Image.new("L", (8, 8), ord(name)).save(photos / f"{name}.png")
        words = ["invert", model, "--images", str(photos), "--steps", "1"]
        assert "is not empty" in refusal_of([*words, "--out", str(photos)], capsys)
        assert answer_of([*words, "--out", str(tmp_path / "out")], capsys)["files"] == ["a.png", "b.png"]

    @pytest.mark.parametrize(("least", "said"), [((6, 7), "smaller pictures, such as 6 x 7"), ((9, 8), None)])
    def test_what_is_enlarged_is_said(
        self, least: tuple[int, int], said: str | None, make_model: MakeModel, tmp_path: Path, capsys: Capture
    ) -> None:
        (tmp_path / "photos").mkdir()
        for name, size in (("a", (20, 10)), ("b", least)):
            Image.new("L", size, 90).save(tmp_path / "photos" / f"{name}.png")
        words = ["invert", str(make_model((1, 8, 8))), "--images", str(tmp_path / "photos"), "--steps", "1"]
        assert main([*words, "--out", str(tmp_path / "out")]) == 0
        printed = capsys.readouterr().err
        assert said in printed if said else "smaller" not in printed
