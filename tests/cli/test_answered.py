"""A conditional model walks between answers, keeps its codes along inputs, or says that it needs inputs."""

from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import picture

from allmodes import load
from allmodes.cli import main
from allmodes.cli.given import inputs_for, paired, pairs_of
from allmodes.core.errors import UserError
from allmodes.core.tensors import load_tensors
from allmodes.data.pixels import to_uint8
from allmodes.training.recipe import load_recipe

SIDE, STEP = 64, 67  # of a tile of 16 pixels, enlarged, and from one to the next


def tile(image: Image.Image, row: int, column: int) -> np.ndarray:
    """The pixels of a tile of a grid, as they were before it was enlarged."""
    y, x = 3 + row * (STEP + 3), 3 + column * STEP
    return np.asarray(image.convert("RGB"))[y : y + SIDE : 4, x : x + SIDE : 4]


def test_a_picture_of_a_walk_has_a_row_for_each_way_between_answers(enlarging, tmp_path):
    one = picture(tmp_path / "one.png", "RGB", (4, 4))
    out = tmp_path / "walk.png"
    assert main(["interpolate", str(enlarging), "--inputs", str(one), "--out", str(out)]) == 0
    drawn = Image.open(out)
    assert drawn.size == (3 + 8 * STEP, 4 * (STEP + 3))
    assert np.array_equal(tile(drawn, 0, 0)[::4, ::4], np.asarray(Image.open(one)))
    for row in range(4):  # each way ends where the next begins, and the last at the first answer
        assert np.array_equal(tile(drawn, row, 7), tile(drawn, (row + 1) % 4, 1))
        assert not np.array_equal(tile(drawn, row, 4), tile(drawn, row, 1))
    gif = tmp_path / "walk.gif"
    assert main(["interpolate", str(enlarging), "--inputs", str(one), "--out", str(gif)]) == 0
    assert Image.open(gif).n_frames == 49


def test_codes_are_kept_while_the_input_moves(enlarging, tmp_path):
    given = tmp_path / "given"
    for name in ("f10.png", "f2.png", "f1.png"):
        picture(given / name, "RGB", (4, 4))
    Image.open(given / "f1.png").rotate(90).save(given / "f1.png")
    out = tmp_path / "along.png"
    assert main(["interpolate", str(enlarging), "--inputs", str(given), "--out", str(out)]) == 0
    drawn, model = Image.open(out), load(enlarging)
    codes = model.draw(4, seed=0, condition=torch.zeros(4, 3, 4, 4)).z
    for row, name in enumerate(("f1", "f2", "f10")):
        values = torch.from_numpy(np.array(Image.open(given / f"{name}.png"))).permute(2, 0, 1) / 127.5 - 1
        found = to_uint8(model.decode(codes, values.expand(4, 3, 4, 4))).permute(0, 2, 3, 1).numpy()
        for column in range(4):
            gap = np.abs(tile(drawn, row, column + 1).astype(int) - found[column]).max()
            assert gap <= 1  # a tile is rounded once more
    gif = tmp_path / "along.webp"
    assert main(["interpolate", str(enlarging), "--inputs", str(given), "--out", str(gif)]) == 0
    assert Image.open(gif).n_frames == 3


def test_images_are_inverted_under_the_inputs_of_their_names(enlarging, tmp_path):
    model = load(enlarging)
    for name in ("a", "b"):
        values = picture(tmp_path / "small" / f"{name}.png", "RGB", (4, 4))
        Image.open(values).rotate(90 * (name == "a")).save(values)
        condition = torch.from_numpy(np.array(Image.open(values))).permute(2, 0, 1)[None] / 127.5 - 1
        answer = to_uint8(model.sample(1, seed=7, condition=condition))[0].permute(1, 2, 0).numpy()
        (tmp_path / "large").mkdir(exist_ok=True)
        Image.fromarray(answer).save(tmp_path / "large" / f"{name}.png")
    words = ["invert", str(enlarging), "--images", str(tmp_path / "large"), "--steps", "3"]
    out = tmp_path / "out"
    assert main([*words, "--inputs", str(tmp_path / "small"), "--out", str(out)]) == 0
    found = load_tensors(out / "latents.safetensors").tensors
    assert found["inputs"].shape == (2, 3, 4, 4)
    made = model.decode(found["latents"], found["inputs"])
    large = np.stack([np.asarray(Image.open(tmp_path / "large" / f"{name}.png")) for name in ("a", "b")])
    wanted = torch.from_numpy(large).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close((made - wanted).flatten(1).norm(dim=1), found["distances"], rtol=1e-3, atol=1e-3)
    assert (out / "pairs.png").exists()


def test_a_run_degrades_images_as_it_was_trained(enlarging, tmp_path):
    recipe = load_recipe("super-resolution/conditional-imle", {"degradation.factor": 4})
    (enlarging.parent / "recipe.yaml").write_text(recipe.to_yaml())
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    words = ["--images", str(tmp_path / "images.npy"), "--steps", "1", "--out", str(tmp_path / "out")]
    assert main(["invert", str(enlarging.parent), *words]) == 0
    given = load_tensors(tmp_path / "out" / "latents.safetensors").tensors["inputs"]
    large = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    small = torch.nn.functional.interpolate(large, scale_factor=0.25, mode="bicubic", antialias=True).clamp(-1, 1)
    torch.testing.assert_close(given, small, atol=1 / 127, rtol=0)


def test_inputs_pair_by_name_and_what_has_none_is_named():
    assert paired(["b", "a"], 2, ("a.png", "b.jpg")) == [1, 0]
    assert paired(["b", "a"], 2, ()) == [0, 1]
    assert paired(["00000", "00001"], 2, ("a.png", "b.png")) == [0, 1]  # of an array
    with pytest.raises(UserError, match="No input is named as the image c"):
        paired(["b", "a"], 3, ("a.png", "b.png", "c.png"))
    with pytest.raises(UserError, match="No image is named as the input b"):
        paired(["b", "a"], 1, ("a.png",))
    with pytest.raises(UserError, match="3 images and 2 inputs"):
        paired(["b", "a"], 3, ())


def test_pairs_without_a_common_name_are_told_to_go_by_their_order(capsys):
    assert paired(["a", "b"], 2, ["x.png", "y.png"]) == [0, 1]
    assert "a with x" in capsys.readouterr().err
    assert paired(["a", "b"], 2, []) == [0, 1]  # of an array, which has no names
    assert paired(["x", "y"], 2, ["y.png", "x.png"]) == [1, 0]
    assert not capsys.readouterr().err


def test_pairs_are_audited_by_their_names_or_answered_by_a_model(enlarging, tmp_path, capsys):
    for number in range(44):
        for folder, side in (("real", 16), ("fake", 16), ("small", 4)):
            path = picture(tmp_path / folder / f"{number:02}.png", "RGB", (side, side))
            Image.fromarray(np.roll(np.asarray(Image.open(path)), number, 0)).save(path)
    words = ["audit", "--real", str(tmp_path / "real"), "--inputs", str(tmp_path / "small"), "--metrics", "recall"]
    for fake in (str(tmp_path / "fake"), str(enlarging)):
        assert main([*words, "--fake", fake, "--out", str(tmp_path / "audit"), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["n_real"], found["n_fake"]) == (22, 22)
        assert found["distance"]["name"] == "pixels of pairs, random-convolution of pairs"
    assert main([*words[:3], "--fake", str(enlarging), "--out", str(tmp_path / "more")]) == 2
    assert "--inputs" in capsys.readouterr().err
    (tmp_path / "fake" / "00.png").unlink()
    assert main([*words, "--fake", str(tmp_path / "fake"), "--out", str(tmp_path / "more")]) == 2
    assert "No answer is named as the image 00" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["sample", "--out", "x.png"],
        ["interpolate", "--out", "x.gif"],
        ["interpolate", "--images", "one.png", "two.png", "--out", "x.gif"],
        ["invert", "--images", "given", "--out", "x"],
    ],
)
def test_what_needs_inputs_says_so(words, enlarging, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one.png", "two.png", "given/a.png"):
        picture(tmp_path / name, "RGB", (16, 16))
    assert main([words[0], str(enlarging), *words[1:]]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--inputs" in said
    assert not (tmp_path / "x.png").exists()
    assert not (tmp_path / "x.gif").exists()
    with pytest.raises(UserError, match="answers inputs"):
        load(enlarging).sample(3)
    with pytest.raises(UserError, match="answers inputs"):
        load(enlarging).invert(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["interpolate", "--inputs", "given", "--images", "one.png", "two.png", "--out", "x.gif"],
            "give one of the two",
        ),
        (["interpolate", "--inputs", "mixed", "--out", "x.gif"], "give inputs of one size"),
        (["invert", "--images", "given", "--inputs", "mixed", "--out", "x"], "resize it"),
    ],
)
def test_what_does_not_go_together_is_said(words, said, enlarging, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, size in (("one.png", 4), ("two.png", 4), ("given/a.png", 4), ("mixed/a.png", 4), ("mixed/b.png", 6)):
        picture(tmp_path / name, "RGB", (size, size))
    assert main([words[0], str(enlarging), *words[1:]]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_data_that_a_model_answers_in_an_audit_are_brought_to_its_size(enlarging, tmp_path):
    """Else a model that was trained to make 16 x 16 would be asked for, and judged by, pictures of 40 x 40."""
    for name in ("a", "b"):
        picture(tmp_path / "small" / f"{name}.png", "RGB", (4, 4))
        picture(tmp_path / "large" / f"{name}.png", "RGB", (40, 40))
    asked = Namespace(real=tmp_path / "large", fake=enlarging, inputs=tmp_path / "small", skip_damaged=False)
    data, model, inputs = pairs_of(asked)
    expected = Image.open(tmp_path / "large/b.png").resize((16, 16), Image.Resampling.LANCZOS)
    assert np.array_equal(data.images[1].permute(1, 2, 0).numpy(), np.asarray(expected))
    assert inputs.shape == (2, 3, 4, 4)
    with pytest.raises(UserError, match=r"\(3, 40, 40\), and this model makes \(3, 16, 16\)"):
        inputs_for(model, enlarging, None, images=torch.zeros(2, 3, 40, 40), files=("a.png", "b.png"))
