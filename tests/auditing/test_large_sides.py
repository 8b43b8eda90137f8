"""Of large sides so many are drawn at random, and what is found of them is told by the numbers of the source."""

from __future__ import annotations

import importlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from allmodes.auditing import audit, open_examples
from allmodes.auditing.power import Power
from allmodes.auditing.verdict import percent
from allmodes.core.errors import UserError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (90, 8, 8, 3), dtype=np.uint8)
MOST = 40


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def folder(path: Path) -> Path:
    path.mkdir()
    for row, pixels in enumerate(PIXELS):
        (path / f"{row:03}.png").write_bytes(encoded(pixels))
    return path


def tar(path: Path) -> Path:
    with tarfile.open(path.with_suffix(".tar"), "w") as archive:
        for row, pixels in enumerate(PIXELS):
            member = tarfile.TarInfo(f"{row:03}.png")
            member.size = len(content := encoded(pixels))
            archive.addfile(member, io.BytesIO(content))
    return path.with_suffix(".tar")


def saved(array: np.ndarray, path: Path) -> Path:
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


SOURCES = {
    "folder": folder,
    "tar": tar,
    "pixels": lambda path: saved(PIXELS, path),
    "floats": lambda path: saved(PIXELS / np.float32(255), path),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_images_are_drawn_without_a_look_at_the_others(source, tmp_path: Path) -> None:
    path = source(tmp_path / "data")
    found = open_examples(path, most=MOST, seed=3)
    numbers = found.numbers(range(MOST))
    assert len(found) == len(set(numbers)) == MOST
    assert found.given_in_all == 90
    np.testing.assert_array_equal(found.images.permute(0, 2, 3, 1).numpy(), PIXELS[list(numbers)])
    assert f"Of 90 in {path}, 40 drawn at random are looked at" in found.notes[0]
    assert open_examples(path, most=MOST, seed=4).numbers(range(MOST)) != numbers
    whole = open_examples(path, most=90)
    assert (whole.numbers(range(90)), whole.draw) == (tuple(range(90)), None)
    if path.is_dir():
        for row in {*range(90)} - {*numbers}:
            (path / f"{row:03}.png").write_bytes(b"none")
        assert open_examples(path, most=MOST, seed=3).fingerprint == found.fingerprint
        (path / f"{numbers[7]:03}.png").write_bytes(b"none")
        kept = open_examples(path, most=MOST, seed=3, skip_damaged=True)
        assert kept.numbers(range(MOST - 1)) == numbers[:7] + numbers[8:]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_features_are_drawn_without_a_look_at_the_others(kind: str, tmp_path: Path) -> None:
    whole = np.random.default_rng(1).normal(size=(90, 3)).astype(kind)
    found = open_examples(saved(whole, tmp_path / "f"), most=MOST)
    numbers = list(found.numbers(range(MOST)))
    np.testing.assert_array_equal(found.features.numpy(), whole[numbers].astype(np.float32))
    whole[[row for row in range(90) if row not in numbers]] = np.nan
    assert open_examples(whole, most=MOST).fingerprint == found.fingerprint
    whole[numbers[5]] = np.nan
    with pytest.raises(UserError, match=f"first in row {numbers[5]}:"):
        open_examples(whole, most=MOST)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("allmodes.auditing.audit"), "LARGEST", 200)


def test_an_audit_of_large_sides_is_that_of_those_drawn(limited: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]])
    kinds = rng.integers(0, 3, 500)
    real = (centres[kinds] + rng.normal(size=(500, 3))).astype(np.float32)
    fake = (centres[rng.integers(0, 2, 400)] + rng.normal(size=(400, 3))).astype(np.float32)
    found = audit(real, fake, labels=kinds, metrics=("frechet_distance",), seed=5)
    ours, theirs = (np.array(side.numbers(range(200))) for side in (found.real, found.fake))
    some = audit(real[ours], fake[theirs], labels=kinds[ours], metrics=("frechet_distance",), seed=5)
    told, alone = found.document(), some.document()
    assert (told["n_real"], told["n_fake"], told["given_real"], told["given_fake"]) == (200, 200, 500, 400)
    assert (alone["given_real"], alone["given_fake"]) == (200, 200)
    assert "Of 500 in The array of data, 200 drawn at random" in told["warnings"][0]
    assert "Of 400 in The array of samples, 200 drawn at random" in told["warnings"][1]
    for key in ("verdict", "dropped_mass", "labels", "summary", "copied_mass"):
        assert told[key] == alone[key]
    for mine, other in zip(told["regions"], alone["regions"], strict=True):
        assert list(mine["members"]) == ours[list(other["members"])].tolist()
    lost = found.dropped[0].members
    assert set(kinds[list(found.real.numbers(lost))]) == {2}
    worst, other = told["examples"][0], alone["examples"][0]
    assert kinds[worst["index"]] == 2
    assert (worst["index"], worst["nearest"]) == (ours[other["index"]], theirs[other["nearest"]])
    found.save(tmp_path)
    assert f"#{worst['index']}" in (tmp_path / "index.html").read_text()


def test_labels_by_files_go_with_those_drawn(limited: None, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    kinds = rng.integers(0, 2, 300)
    path = tmp_path / "data"
    path.mkdir()
    for row, kind in enumerate(kinds):
        (path / f"{row:03}.png").write_bytes(encoded(rng.integers(120 * kind, 120 * kind + 99, (8, 8, 3), np.uint8)))
    lines = [f"{row:03}.png,{'light' if kind else 'dark'}" for row, kind in enumerate(kinds)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,kind", *reversed(lines)]))
    np.save(tmp_path / "labels.npy", np.where(kinds, "light", "dark"))
    tables = [
        audit(path, path, labels=tmp_path / f"labels.{ending}", distance="pixels", metrics=()).labels
        for ending in ("csv", "npy")
    ]
    assert [label.value["kind" if place == 0 else "label"] for place, table in enumerate(tables) for label in table]
    for one, other in zip(*tables, strict=True):
        assert (one.data_share, one.accuracy, [*one.value.values()]) == (other.data_share, 1.0, [*other.value.values()])
    np.save(tmp_path / "labels.npy", kinds[:200])
    with pytest.raises(UserError, match="There are 200 labels in .* for 300 real examples"):
        audit(path, path, labels=tmp_path / "labels.npy", distance="pixels", metrics=())


def test_no_more_are_asked_for_than_are_looked_at() -> None:
    better = Power.of(50_000, 20_000).sharpened()
    assert better is None or max(better.n_real, better.n_fake) <= 50_000
    assert Power.of(50_000, 50_000).sharpened() is None


def test_a_small_share_is_not_told_as_nothing() -> None:
    assert [percent(share) for share in (0.0, 0.00041, 0.0005, 0.012, 0.12)] == ["0.0%", "0.04%", "0.1%", "1.2%", "12%"]
