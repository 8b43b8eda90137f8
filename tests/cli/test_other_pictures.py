"""A conditional run is measured on other pictures than its own, by the figures of papers, too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import model_of, picture

from allmodes import load
from allmodes.cli import main
from allmodes.evaluation.answers import answers_to
from allmodes.evaluation.pictures import luma
from allmodes.evaluation.protocols.base import SEED
from allmodes.training.recipe import load_recipe

RGB_TO_Y = np.array([65.481, 128.553, 24.966])


def values_of(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1) / 127.5 - 1


def decibel(a: np.ndarray, b: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((a - b) ** 2))


def run_of(folder: Path) -> Path:
    """A run that enlarges four times, never trained."""
    model_of(folder, (3, 4, 4))
    recipe = load_recipe("super-resolution/conditional-imle", {"degradation.factor": 4})
    (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    return folder


def measured(capsys: pytest.CaptureFixture[str], *words: str | Path) -> dict:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return {score["name"]: score for score in found["scores"]}


def test_luma_is_that_of_the_standard():
    colours = torch.tensor([[0.0, 1, 1, 0, 0], [0, 1, 0, 1, 0], [0, 1, 0, 0, 1]])  # black, white, red, green, blue
    found = (luma(2 * colours[:, None] - 1) + 1) * 127.5
    np.testing.assert_allclose(found.flatten(), [16, 235, 81, 145, 41], atol=0.5)  # as ITU-R BT.601 has them


def test_figures_are_of_answers_to_inputs_made_of_pictures_of_any_size(tmp_path, capsys):
    run, model = run_of(tmp_path / "run"), load(tmp_path / "run")
    sizes = {"a.png": (22, 21), "b-longer.png": (32, 16)}
    for name, size in sizes.items():
        picture(tmp_path / "set" / name, "RGB", size)
    found = measured(capsys, run, "--images", tmp_path / "set", "-n", "3")
    for number, (name, (width, height)) in enumerate(sizes.items()):
        image = Image.open(tmp_path / "set" / name)
        width, height = width // 4 * 4, height // 4 * 4
        original = image.crop((0, 0, width, height))
        small = np.asarray(original.resize((width // 4, height // 4), Image.Resampling.BICUBIC))
        given = torch.from_numpy(small.copy()).permute(2, 0, 1) / 127.5 - 1
        made = answers_to(model, given, 3, seed=SEED)
        shown = [(each.permute(1, 2, 0).double().numpy() + 1) * 127.5 for each in made]
        truth = np.asarray(original).astype(float)
        expected = [decibel(each, truth) for each in shown]
        assert found["psnr"]["detail"]["each"][number] == pytest.approx(np.mean(expected), abs=0.05)
        assert found["psnr_best"]["detail"]["each"][number] == pytest.approx(max(expected), abs=0.05)
        inner = [(each.round() / 255 @ RGB_TO_Y)[4:-4, 4:-4] for each in (*shown, truth)]
        expected = [decibel(each, inner[-1]) for each in inner[:-1]]
        assert found["psnr_y"]["detail"]["each"][number] == pytest.approx(np.mean(expected), abs=0.05)
    assert found["consistency"]["n_real"] == 2
    assert found["psnr"]["certificate"]["split"] == "2 pictures"


def test_one_answer_to_each_input_has_no_diversity(tmp_path, capsys):
    run = run_of(tmp_path / "run")
    picture(tmp_path / "set" / "a.png", "RGB", (16, 16))
    found = measured(capsys, run, "--images", tmp_path / "set", "-n", "1")
    assert "st_lpips" in found
    assert "diversity" not in found
    assert found["psnr"]["value"] == found["psnr_best"]["value"]


def test_inputs_may_lie_beside_originals_or_in_a_folder_of_their_own(tmp_path, capsys):
    run = run_of(tmp_path / "run")
    for name, size in (("img_1", (16, 16)), ("img_2-b", (20, 16))):
        large = picture(tmp_path / "both" / f"{name}_HR.png", "RGB", size)
        small = picture(tmp_path / "both" / f"{name}_LR.png", "RGB", (size[0] // 4, size[1] // 4))
        for path, folder in ((large, "large"), (small, "small")):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{name}.png").write_bytes(path.read_bytes())
    together = measured(capsys, run, "--images", tmp_path / "both", "-n", "2")
    apart = measured(capsys, run, "--images", tmp_path / "large", "--inputs", tmp_path / "small", "-n", "2")
    made = measured(capsys, run, "--images", tmp_path / "large", "-n", "2")
    assert together == apart
    assert made["psnr"]["value"] != apart["psnr"]["value"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--images", "nowhere"], "--images"),
        (["--images", "large", "--inputs", "wrong"], "of 32 x 16 pixels, and the original of 20 x 16"),
        (["--images", "tiny"], "a is too small: this model answers in multiples of 4 pixels"),
        (["--inputs", "large"], "name the originals"),
        (["--images", "large", "--distance", "pixels"], "--distance does not go with --images"),
        (["--images", "large", "--split", "test"], "--split does not go with --images"),
        (["--images", "large", "--sigma", "2"], "--sigma does not go with --images"),
        (["--images", "tiny", "--metrics", "psnrr"], "no figure 'psnrr'. Did you mean 'psnr'?"),  # known before answers
        (
            ["--images", "tiny", "--metrics", "frechet_distance"],
            "does not go with --images: choose among st_lpips",
        ),
        (["--images", "tiny", "--metrics", "fid"], "'fid' does not go with --images"),
    ],
)
def test_what_cannot_be_measured_is_said(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_of(tmp_path / "run")
    picture(Path("large/a.png"), "RGB", (20, 16))
    picture(Path("wrong/a.png"), "RGB", (8, 4))
    picture(Path("tiny/a.png"), "RGB", (3, 16))
    assert main(["evaluate", "run", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
