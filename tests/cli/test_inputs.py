"""``sample --inputs``: pictures of a user's own are answered, each at its size, or refused in one sentence."""

from __future__ import annotations

import weakref
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from untrained import model_of, picture

from allmodes.auditing.examples import Examples
from allmodes.auditing.pairs import split_pairs
from allmodes.cli import main
from allmodes.core.errors import UserError
from allmodes.core.pictures import GUTTER
from allmodes.data.inputs import read_inputs
from allmodes.data.palettes import Palette
from allmodes.data.pixels import to_uint8
from allmodes.evaluation.answers import input_pictures
from allmodes.model import load
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.current import current_model
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe, parse_overrides
from allmodes.training.trainer import Trainer


def test_a_row_for_each_picture_and_a_folder_with_a_picture_for_each_answer(enlarging, tmp_path, capsys):
    given = tmp_path / "given"
    for name, size in (("a.png", (4, 4)), ("b.png", (6, 8))):
        picture(given / name, "RGB", size)
    out = tmp_path / "answers.png"
    assert main(["sample", str(enlarging), "--inputs", str(given), "-n", "3", "--out", str(out)]) == 0
    assert "3 answers to each of 2 inputs" in capsys.readouterr().out
    assert Image.open(out).width > 5 * 16  # the input, three answers, and where they differ
    folder = tmp_path / "answers"
    assert main(["sample", str(enlarging), "--inputs", str(given), "-n", "3", "--out", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        *("a-0.png", "a-1.png", "a-2.png", "a-spread.png", "b-0.png", "b-1.png", "b-2.png", "b-spread.png")
    ]
    assert Image.open(folder / "b-1.png").size == (24, 32)


def test_pictures_of_one_name_in_two_folders_are_two(enlarging, tmp_path):
    given = tmp_path / "given"
    for name in ("a.png", "more/a.png"):
        picture(given / name, "RGB", (4, 4))
    assert main(["sample", str(enlarging), "--inputs", str(given), "-n", "1", "--out", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png-0.png", "more-a.png-0.png"]


def test_one_answer_differs_from_none(enlarging, tmp_path, capsys):
    one = picture(tmp_path / "one.png", "RGB", (4, 4))
    words = ["sample", str(enlarging), "--inputs", str(one), "-n", "1", "--out"]
    assert main([*words, str(tmp_path / "out.png")]) == 0
    said = capsys.readouterr().out
    assert "1 answer to the input in" in said
    assert "where they differ" not in said
    assert Image.open(tmp_path / "out.png").width == 2 * (64 + GUTTER) + GUTTER  # of 16 x 16, shown four times as large
    assert main([*words, str(tmp_path / "out"), "--spread"]) == 2
    assert "ask for 2 or more, as in -n 2" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_one_picture_and_the_most_different_of_its_answers(enlarging, tmp_path):
    one = picture(tmp_path / "one.png", "L", (4, 4))  # grey is understood as colour
    for name, more in (("plain", []), ("spread", ["--spread"])):
        words = ["sample", str(enlarging), "--inputs", str(one), "-n", "3", "--out", str(tmp_path / name), *more]
        assert main(words) == 0

    def apart(folder: str) -> float:
        answers = [np.asarray(Image.open(tmp_path / folder / f"one-{k}.png"), float) for k in range(3)]
        return min(np.abs(a - b).mean() for i, a in enumerate(answers) for b in answers[:i])

    assert apart("spread") > apart("plain")


def test_a_hole_is_where_a_picture_is_transparent(tmp_path, capsys):
    model = model_of(tmp_path, (4, 16, 16))
    holed = picture(tmp_path / "holed.png", "RGBA", (16, 16))
    assert main(["sample", str(model), "--inputs", str(holed), "-n", "2", "--out", str(tmp_path / "out.png")]) == 0
    whole = picture(tmp_path / "whole.png", "RGB", (16, 16))
    assert main(["sample", str(model), "--inputs", str(whole), "--out", str(tmp_path / "no.png")]) == 2
    assert "whole.png has no transparent part" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()


def test_a_hole_in_grey_pictures_and_in_a_zip(tmp_path):
    model = model_of(tmp_path, (2, 16, 16), channels=1)
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as given:
        for mode in ("LA", "RGBA"):
            given.write(picture(tmp_path / f"{mode}.png", mode, (16, 16)), f"{mode}.png")
    words = ["--inputs", str(tmp_path / "given.zip"), "-n", "2", "--out", str(tmp_path / "out.png")]
    assert main(["sample", str(model), *words]) == 0
    for found, mode in zip(read_inputs(tmp_path / "given.zip", (2, 16, 16)), ("LA", "RGBA"), strict=True):
        grey = np.asarray(Image.open(tmp_path / f"{mode}.png").convert("LA"))
        hole = grey[..., 1] == 0
        assert hole.sum() == 64
        assert np.array_equal(found.values[1].numpy() == 1, hole)
        assert np.abs((found.values[0].numpy() + 1) * 127.5 - np.where(hole, 127.5, grey[..., 0])).max() < 1e-3


def test_a_picture_that_is_none_or_too_dark_in_8_bits_is_one_sentence(enlarging, tmp_path, capsys):
    holed = model_of(tmp_path / "holed", (4, 16, 16))
    (tmp_path / "none.png").write_text("no picture")
    Image.fromarray(np.full((4, 4), 200, np.uint16)).save(tmp_path / "dim.png")  # black in 8 bits
    opaque = Image.fromarray(np.full((16, 16, 4), 255, np.uint8))
    opaque.save(tmp_path / "opaque.png")
    for model, name, said in (
        (enlarging, "none.png", "none.png is damaged or no image (it begins like no picture)"),
        (holed, "none.png", "none.png is damaged or no image"),
        (holed, "opaque.png", "opaque.png has no transparent part"),
        (enlarging, "dim.png", "reaches 256 of 65,535"),
    ):
        words = ["--inputs", str(tmp_path / name), "--out", str(tmp_path / "out.png")]
        assert main(["sample", str(model), *words]) == 2
        assert said in capsys.readouterr().err


def test_which_input_is_of_no_size_that_is_answered_is_said(tmp_path, capsys):
    model = model_of(tmp_path, (1, 16, 16))
    for name, size in (("even", (24, 16)), ("odd", (9, 13))):
        picture(tmp_path / "given" / f"{name}.png", "L", size)
    assert main(["sample", str(model), "--inputs", str(tmp_path / "given"), "--out", str(tmp_path / "out/")]) == 2
    said = capsys.readouterr().err
    assert "given, odd: " in said
    assert "inputs of 1 x height x width, both multiples of 2, not of 1 x 13 x 9" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--inputs", "nowhere.png", "--out", "x.png"], "nowhere.png does not exist"),
        (["--inputs", "one.png", "--out", "x.npz"], "name a .png file or a folder"),
        (["--spread", "--out", "x.png"], "give one with --inputs"),
        (["--out", "x.png"], "condition"),
    ],
)
def test_what_cannot_be_answered_is_said(words, said, enlarging, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "one.png", "RGB", (4, 4))
    assert main(["sample", str(enlarging), *words]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("x.*"))


def test_a_model_that_takes_no_inputs_says_so(ring, tmp_path, capsys):
    one = picture(tmp_path / "one.png", "RGB", (4, 4))
    assert main(["sample", str(ring), "--inputs", str(one), "--out", str(tmp_path / "x.png")]) == 2
    assert "takes no" in capsys.readouterr().err


COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)


@pytest.fixture
def labelling(tmp_path):
    """A trainer of an untrained model for grey pictures of 8 x 8 from label maps of three colours."""
    rng = np.random.default_rng(0)
    for folder in ("inputs", "targets"):
        (tmp_path / folder).mkdir()
    for number in range(4):
        labels = rng.integers(0, 3, (8, 8))
        Image.fromarray(COLOURS[labels]).save(tmp_path / f"inputs/{number}.png")
        Image.fromarray(100 * labels.astype(np.uint8)).save(tmp_path / f"targets/{number}.png")
    words = ["--data.inputs", f"{tmp_path}/inputs", "--data.targets", f"{tmp_path}/targets", "--data.palette", "auto"]
    tiny = {"generator.width": 4, "generator.style": 4, "prior.dim": 4, "distance": "pixels", "matching.pool": 2}
    settings = {"images": 8, "batch": 2, "matching.refresh": 4, "matching.project": None, "device": "cpu"}
    recipe = load_recipe("conditional/pairs", {**parse_overrides(words), **tiny, **settings, "data.heldout": 0})
    fabric, dataset = launch(recipe.settings), build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


def test_label_maps_are_trained_on_and_answered_with_the_palette_of_the_model(labelling, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = current_model(labelling).sample(4, condition=labelling.dataset.inputs.long())
    labelling.fit(())
    current_model(labelling).save(tmp_path / "run")
    model, batch = load("run"), labelling.dataset.batch(0, 4, 0)
    assert not torch.equal(model.sample(4, condition=labelling.dataset.inputs.long()), before)
    split_pairs(Examples.of(batch.images), model, batch.inputs, 0)  # audited in colours
    rng = np.random.default_rng(1)
    given = Image.fromarray(COLOURS[rng.integers(0, 3, (16, 8))])  # of another size
    given.save("given.png")
    assert main(["sample", "run", "--inputs", "given.png", "-n", "2", "--out", "answers.png"]) == 0
    shown = np.asarray(Image.open("answers.png").convert("L"))
    assert shown.min() < 40  # black, in the label map
    given.putpixel((0, 0), (1, 2, 3))
    given.save("given.png")
    capsys.readouterr()
    assert main(["sample", "run", "--inputs", "given.png", "--out", "no.png"]) == 2
    assert "colours that the palette has not: given.png (#010203)" in capsys.readouterr().err
    given.save("given.jpg")
    assert main(["sample", "run", "--inputs", "given.jpg", "-n", "1", "--out", "blurred.png"]) == 0
    assert "pixel is taken for the nearest colour" in capsys.readouterr().err
    for wrong in (torch.full((1, 8, 8), 3), torch.zeros(1, 8, 8)):
        with pytest.raises(UserError, match="label"):
            model.sample(1, condition=wrong)


def test_a_label_map_is_shown_in_its_colours_and_in_grey_beside_grey_answers():
    palette = Palette(("#000000", "#ff0000", "#00ff00"))
    labels = torch.tensor([[[0, 1], [2, 0]]])
    shown = to_uint8(input_pictures(labels, (3, 4, 4), palette))[0].permute(1, 2, 0).numpy()
    expected = COLOURS[labels[0].numpy()].repeat(2, 0).repeat(2, 1)
    assert np.array_equal(shown, expected)
    grey = to_uint8(input_pictures(labels, (1, 4, 4), palette))[0, 0].numpy().astype(int)
    assert np.abs(grey - np.asarray(Image.fromarray(expected).convert("L"))).max() <= 1


def test_large_answers_are_written_as_they_come(enlarging, tmp_path, monkeypatch):
    given = tmp_path / "given"
    for name in ("a.png", "b.png"):
        picture(given / name, "RGB", (4, 4))
    made: list[weakref.ref] = []

    def large(model, given, code):
        answer = torch.zeros(3, 16, 16)
        made.append(weakref.ref(answer))
        assert sum(one() is not None for one in made) <= 2
        return answer

    monkeypatch.setattr("allmodes.evaluation.answers.TILE", 2)
    monkeypatch.setattr("allmodes.evaluation.answers.answer_large", large)
    words = ["sample", str(enlarging), "--inputs", str(given), "-n", "6"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 14
    assert main([*words, "--out", str(tmp_path / "out.png")]) == 0
    assert len(made) == 24


@pytest.mark.parametrize("more", [["--spread", "--out", "x"], ["-n", "900", "--out", "x.png"]])
def test_answers_that_do_not_fit_into_memory_are_refused(more, enlarging, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "one.png", "RGB", (4, 4))
    monkeypatch.setattr("allmodes.core.memory.memory", lambda: 2**18)
    assert main(["sample", str(enlarging), "--inputs", "one.png", *more]) == 2
    assert "answers to each input need" in capsys.readouterr().err
    assert main(["sample", str(enlarging), "--inputs", "one.png", "-n", "3", "--out", "x"]) == 0
