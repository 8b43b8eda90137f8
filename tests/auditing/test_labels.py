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
        ("", "cannot be read"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.txt").write_text("red\ngrey\n")
    with pytest.raises(UserError, match="neither a .npy nor a .csv"):
        read_table(tmp_path / "people.txt", 2)
