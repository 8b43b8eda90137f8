"""Labels and pairs of labels: what is lost is named, what is not is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.auditing import Label
from allmodes.auditing.labels import compare_labels
from allmodes.auditing.tables import read_table
from allmodes.core.errors import UserError


def people(n: int, seed: int, *, without: tuple[int, int] | None = None) -> tuple[torch.Tensor, np.ndarray]:
    """Points with two attributes, each seen in two directions of its own."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, (3 * n, 2))
    if without is not None:
        kinds = kinds[(kinds != np.array(without)).any(1)]
    kinds = kinds[:n]
    angle = 2 * np.pi * kinds / 3
    points = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.3, (n, 4))
    return torch.from_numpy(points).float(), kinds


def compared(seed: int, *, without: tuple[int, int] | None = None) -> tuple[Label, ...]:
    real, kinds = people(1_000, seed)
    fake, _ = people(1_000, seed + 10_000, without=without)
    half = torch.from_numpy(np.random.default_rng(seed).permutation(1_000)[:500])
    table = read_table({"hair": kinds[:, 0], "smile": kinds[:, 1]}, 1_000)
    return compare_labels(real, fake, half, table=table, fraction=0.5)


def test_a_lost_pair_is_named_and_its_labels_are_not() -> None:
    found = compared(0, without=(1, 2))
    assert [label.value for label in found if label.dropped] == [{"hair": "1", "smile": "2"}]
    assert len(found) == 3 + 3 + 9
    assert found[0].dropped
    assert found[0].ratio < 0.2


def test_equal_laws_raise_few_alarms() -> None:
    assert sum(any(label.q_value <= 0.05 for label in compared(seed)) for seed in range(60)) <= 6


def test_every_example_needs_a_label() -> None:
    with pytest.raises(UserError, match="3 labels for 4"):
        read_table([1, 2, 3], 4)


def test_numbers_that_name_single_examples_are_no_labels() -> None:
    with pytest.raises(UserError, match="'age' has 30 different labels for 40"):
        read_table({"age": [*range(30), *range(10)]}, 40)
    assert read_table({"age": [*range(20), *range(20)]}, 40)


def test_a_csv_names_files_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("file,hair,smile\nb.png,red,yes\na.png,grey,no\nz.png,none,no\n")
    table = read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png"))
    assert table == {"hair": ["grey", "red"], "smile": ["no", "yes"]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("file,hair\nb.png,red\n", "a.png has none"),
        ("hair,smile\nred\ngrey,yes\n", "Line 2 of the labels in .* has 1 cells and the heading 2"),
        ("hair\nred\n", "1 labels for 2"),
        ("red\ngrey\n", "1 labels for 2 real examples: give one for each. The first line of a .csv is its heading"),
        ("hair,smile\nred,yes,no\ngrey,yes\n", "Line 2 .* has 3 cells and the heading 2: .* holds a comma in quotes"),
        (
            "file,hair\na.png,red\na.png,grey\nb.png,red\n",
            r"files more than once \(a.png\): keep one line",
        ),
        ("hair,hair\nred,grey\nred,red\n", "name 2 columns 'hair': give each column a name of its own"),
        ("hair,\nred,grey\nred,red\n", "leave a column without a name"),
        ("hair,smile\nred,yes\n ,no\n", "'hair' has no label for 1 examples, the first of them in row 1"),
        ("hair\nred\nNaN\n", "'hair' has no label for 1 examples, the first of them in row 1"),
        ("file\na.png\nb.png\n", "name no attribute"),
        ('hair\n"red\ngrey\n', "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png"))


TRUTH = {"hair": ["grey", "red, or brown"], "smile": ["no", "yes"]}


@pytest.mark.parametrize(
    "text",
    [
        'file,hair,smile\nb.png,"red, or brown",yes\na.png,grey,no\n',
        "file;hair;smile\nb.png;red, or brown;yes\na.png;grey;no\n",
        "file\thair\tsmile\nb.png\tred, or brown\tyes\na.png\tgrey\tno\n",
        '\n  file , hair , smile\n\nb.png, "red, or brown",yes \n , ,\n a.png,grey,no\n\n\n',
        '\ufefffile,hair,smile\r\nb.png,"red, or brown",yes\r\na.png,grey,no\r\n',
        'hair,smile\ngrey,no\n"red, or brown",yes\n',
    ],
    ids=["commas", "semicolons", "tabs", "blanks", "windows", "in-order"],
)
def test_a_csv_is_read_as_a_person_would(tmp_path: Path, text: str) -> None:
    (tmp_path / "people.csv").write_bytes(text.encode())
    assert read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png")) == TRUTH


def test_a_csv_in_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("hair\nrötlich\n".encode("latin-1"))
    with pytest.raises(UserError, match="it is not UTF-8; save it as 'CSV UTF-8'"):
        read_table(tmp_path / "people.csv", 1)


def test_a_column_of_file_names_is_recognised() -> None:
    files = [f"{number}.png" for number in range(30)]
    with pytest.raises(UserError, match="'name' has 30 different labels .* Call it 'file' if it names the files."):
        read_table({"name": files, "hair": ["red"] * 30}, 30, files=files)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([1.0, np.nan]), "'label' has no label for 1 examples, the first of them in row 1"),
        ([None, "red"], "'label' has no label for 1 examples, the first of them in row 0"),
        (["", "red"], "'label' has no label for 1"),
        (np.zeros((2, 1)), "'label' are no list: give one label for every example, in one dimension"),
        (torch.eye(2), "'label' are no list"),
        (torch.tensor(3), "'label' are no list"),
        (7, "'label' are no list"),
        ({}, "name no attribute"),
    ],
)
def test_labels_that_are_none_are_refused(labels: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_table(labels, 2)


@pytest.mark.parametrize("labels", [np.array([2, 1], ">i4"), np.array(["2", "1"]), np.array([b"2", b"1"]), [2, 1]])
def test_labels_in_any_form_are_the_same_words(labels: object, tmp_path: Path) -> None:
    assert read_table(labels, 2) == {"label": ["2", "1"]}
    np.save(tmp_path / "labels.npy", labels)
    assert read_table(tmp_path / "labels.npy", 2) == {"label": ["2", "1"]}


def test_no_damage_of_a_file_is_more_than_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "labels.npy"
    np.save(file, np.array(["red", "grey"]))
    content, said = file.read_bytes(), 0
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            read_table(file, 2)
        except UserError:
            said += 1
    assert said > len(content) // 2


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.txt").write_text("red\ngrey\n")
    with pytest.raises(UserError, match="neither a .npy nor a .csv"):
        read_table(tmp_path / "people.txt", 2)
