"""What makes an audit say too much, and is nothing of the generator, is said on the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.auditing import Findings, audit
from allmodes.auditing.tables import order_notes

COPIES = "are equal to others of them"


def pictures(count: int, seed: int, *, size: int = 8, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shades = rng.integers(40, 200, (count, 1, 1, channels)) + rng.integers(0, 20, (count, size, size, channels))
    return shades.astype(np.uint8)


def looked(real: object, fake: object, **more: object) -> Findings:
    return audit(real, fake, distance="pixels", metrics=(), **more)


def written(folder: Path, images: np.ndarray, name: str = "{:03}.png") -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image).save(folder / name.format(number))
    return folder


@pytest.mark.parametrize(("times", "said"), [(1, False), (2, True), (5, True)])
def test_data_that_hold_everything_several_times_are_no_evidence_and_that_is_said(times: int, said: bool) -> None:
    """Five copies of 200 points and 1,000 others of the same law: the tests call some part dropped in most draws."""
    rng = np.random.default_rng(0)
    once = rng.normal(size=(1_000 // times, 8)).astype(np.float32)
    found = looked(np.repeat(once, times, axis=0), rng.normal(size=(1_000, 8)).astype(np.float32))
    warned = [warning for warning in found.warnings if COPIES in warning]
    assert len(warned) == said
    if said:
        assert warned[0].startswith(f"{1_000 - 1_000 // times:,} of the 1,000 data ")


def test_copies_among_pictures_are_counted_and_a_few_are_let_be() -> None:
    fake = pictures(60, 1)
    for copies in (2, 10):
        real = pictures(60, 0)
        real[:copies] = real[-1]
        warned = any(warning.startswith("10 of the 60 data") for warning in looked(real, fake).warnings)
        assert warned == (copies == 10)


def test_pictures_that_lose_their_colours_or_their_size_are_told(tmp_path: Path) -> None:
    grey, colour = written(tmp_path / "grey", pictures(30, 0)), written(tmp_path / "c", pictures(30, 1, channels=3))
    alike = written(tmp_path / "alike", np.repeat(pictures(30, 2), 3, axis=3))  # grey that was saved as colour
    large = written(tmp_path / "large", pictures(30, 3, size=16))
    assert any("colour" in warning and "30" in warning for warning in looked(grey, colour).warnings)
    assert not any("colour" in warning for warning in looked(grey, alike).warnings)
    told = [warning for warning in looked(grey, large).warnings if "resized" in warning]
    assert len(told) == 1
    assert "data are looked at as they are, and the samples resized (central square, Lanczos to 8 x 8)" in told[0]
    assert not any("resized" in warning for warning in looked(grey, alike).warnings)


def test_labels_in_the_order_of_names_that_count_otherwise_are_told(tmp_path: Path) -> None:
    real = written(tmp_path / "real", pictures(30, 0), "{}.png")
    labels, named = np.arange(30) % 2, {"file": [f"{i}.png" for i in range(30)], "kind": np.arange(30) % 2}
    told = [warning for warning in looked(real, pictures(30, 1), labels=labels).warnings if "order" in warning]
    assert len(told) == 1
    assert "where 10.png comes before 2.png" in told[0]
    assert not any("order" in warning for warning in looked(real, pictures(30, 1), labels=named).warnings)
    assert order_notes(labels, [f"{i:02}.png" for i in range(30)]) == ()
    assert order_notes(torch.arange(3), []) == ()
    assert order_notes(None, ["10.png", "9.png"]) == ()
    (tmp_path / "kinds.csv").write_text("file,kind\n10.png,a\n9.png,b\n")
    assert order_notes(tmp_path / "kinds.csv", ["10.png", "9.png"]) == ()
    (tmp_path / "kinds.csv").write_text("kind\na\nb\n")
    assert len(order_notes(tmp_path / "kinds.csv", ["10.png", "9.png"])) == 1
