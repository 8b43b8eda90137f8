"""``sample --inputs``: pictures of a user's own are answered, each at its size, or refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from untrained import model_of, picture

from allmodes.cli import main


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
    assert len(list((tmp_path / "out").iterdir())) == 4


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
