"""Commands on a model whose generator is told the class."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from allmodes.cli import main
from allmodes.core.tensors import load_tensors
from allmodes.model import Model, build_networks


@pytest.fixture
def told(tmp_path: Path) -> Path:
    config = {
        "generator": {"name": "mlp", "widths": [8], "slope": 0.2, "classes": 3},
        "prior": {"name": "gaussian", "dim": 2},
        "shape": [1, 8, 8],
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = build_networks(config)
        parts[0].embedding.weight.data *= 20  # classes far from each other
    model = Model(*parts, config=config, card={"classes": [0.5, 0.25, 0.25]})
    model.save(tmp_path / "model")
    (tmp_path / "pictures").mkdir()
    for name, label in {"a": 1, "b": 1, "c": 2}.items():
        sample = model.sample(1, seed=ord(name), label=label)[0, 0]
        grey = ((sample + 1) * 127.5).round().to(torch.uint8)
        Image.fromarray(grey.numpy()).save(tmp_path / "pictures" / f"{name}.png")
    return tmp_path


def test_pictures_are_inverted_under_the_classes_found_and_walked_between_within_one(told: Path, capsys) -> None:
    model, pictures = str(told / "model"), [str(told / "pictures" / f"{name}.png") for name in "abc"]
    asked = ["--images", str(told / "pictures"), "--steps", "20", "--out", str(told / "found")]
    assert main(["invert", model, *asked]) == 0
    found = load_tensors(told / "found" / "latents.safetensors").tensors
    assert found["labels"].tolist() == [1, 1, 2]
    assert float(found["distances"].max()) < 1
    assert main(["interpolate", model, "--images", *pictures[:2], "--out", str(told / "walk.png")]) == 0
    capsys.readouterr()
    assert main(["interpolate", model, "--images", *pictures[1:], "--out", str(told / "other.png")]) == 2
    assert "are of the classes 1, 2, and this model makes none between two classes" in capsys.readouterr().err
    assert not (told / "other.png").exists()


def test_samples_of_one_class_are_asked_for_by_its_label(told: Path, capsys) -> None:
    model = str(told / "model")
    assert main(["sample", model, "--label", "2", "--out", str(told / "two.npz")]) == 0
    capsys.readouterr()
    assert main(["sample", model, "--label", "3", "--out", str(told / "three.npz")]) == 2
    assert "There is no label 3: this model has 0 to 2" in capsys.readouterr().err
    assert not (told / "three.npz").exists()
