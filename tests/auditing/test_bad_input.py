"""What strangers hand in: a right answer, or one clear sentence and exit code 2."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.auditing import audit
from allmodes.cli import main
from allmodes.core.errors import UserError

Make = Callable[[int], Image.Image]
RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65_536, (24, 16, 16)).astype(np.uint16)


def noise(number: int, *, side: int = 16, mode: str = "RGB") -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (side, side, 3), dtype=np.uint8)).convert(mode)


def folder(path: Path, make: Make = noise, *, count: int = 24, suffix: str = "png") -> Path:
    path.mkdir()
    for number in range(count):
        make(number).save(path / f"{number:02}.{suffix}")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return folder(tmp_path / "plain")


def told(real: Path, fake: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of an audit that cannot be made."""
    capsys.readouterr()
    assert main(["audit", "--real", str(real), "--fake", str(fake), "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert not out.exists()
    sentence = said.err.splitlines()[-1]
    assert sentence.startswith("error: ")
    return sentence


@pytest.mark.parametrize(
    ("make", "suffix"),
    [
        (lambda n: noise(n, mode="L"), "png"),
        (lambda n: noise(n, mode="1"), "png"),
        (lambda n: noise(n, mode="RGBA"), "png"),
        (lambda n: noise(n, mode="LA"), "png"),
        (lambda n: noise(n, mode="P"), "png"),
        (lambda n: noise(n, mode="CMYK"), "jpg"),
        (lambda n: noise(n, side=10 + n % 5), "webp"),
        (lambda n: Image.fromarray(DEEP[n]), "png"),
        (lambda n: Image.fromarray(DEEP[n].astype(np.int32)), "tif"),
    ],
    ids=["grey", "bits", "alpha", "grey-alpha", "palette", "cmyk", "mixed", "deep", "deep-tif"],
)
def test_any_kind_of_image_goes_with_colour(plain: Path, tmp_path: Path, make: Make, suffix: str) -> None:
    other = folder(tmp_path / "other", make, suffix=suffix)
    for real, fake in ((plain, other), (other, plain)):
        found = audit(real, fake, metrics=("coverage",))
        assert (found.n_real, found.n_fake) == (24, 24)
        assert 0 <= found.summary["coverage"].value <= 1
    assert not audit(other, other).dropped


def test_sixteen_bits_are_seen_alike_in_every_format(tmp_path: Path) -> None:
    png = folder(tmp_path / "png", lambda n: Image.fromarray(DEEP[n]))
    tif = folder(tmp_path / "tif", lambda n: Image.fromarray(DEEP[n].astype(np.int32)), suffix="tif")
    assert audit(png, tif).copied_mass.estimate == pytest.approx(1)


def test_the_first_picture_of_an_animation_is_looked_at(plain: Path, tmp_path: Path) -> None:
    moving = tmp_path / "moving"
    moving.mkdir()
    for number in range(24):
        with Image.open(plain / f"{number:02}.png") as first:
            first.save(moving / f"{number:02}.webp", save_all=True, append_images=[noise(0)], lossless=True)
    assert audit(plain, moving).copied_mass.estimate == pytest.approx(1)


def test_files_that_are_no_images_are_named(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = (plain / "03.png").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>"):
        (plain / "03.png").write_bytes(content)
        assert "plain/03.png (" in told(plain, plain, tmp_path / "out", capsys)
    floats = folder(tmp_path / "floats", lambda n: Image.fromarray(RNG.random((8, 8)).astype(np.float32)), suffix="tif")
    assert "it holds floats: save it with 8 or 16 bits" in told(floats, floats, tmp_path / "out", capsys)
    wide = folder(tmp_path / "wide", lambda n: Image.fromarray(np.full((8, 8), 2**20, np.int32)), suffix="tif")
    assert "numbers beyond 16 bits" in told(wide, wide, tmp_path / "out", capsys)


def test_too_few_and_none_are_said(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three, none = folder(tmp_path / "three", count=3), folder(tmp_path / "none", count=0)
    assert "The samples are too few (3): an audit needs at least 20" in told(plain, three, tmp_path / "out", capsys)
    assert "The data are too few (3)" in told(three, plain, tmp_path / "out", capsys)
    for real, fake in ((none, plain), (plain, none)):
        assert "There are no images in" in told(real, fake, tmp_path / "out", capsys)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing", "it is cut off, or holds no numbers"),
        (np.full((40, 4), 1e30), "reach 1e+30: their squares cannot be computed: scale them"),
        (np.linspace(0, 1e-30, 160).reshape(40, 4), "reach 1e-30"),
        (np.array([[0.0, np.inf]] * 40), "bad.npy holds features with NaN or infinity, first in row 0"),
        (np.arange(160).reshape(40, 4), "features must be floats"),
        (np.zeros((40, 64), np.uint8), "uint8 of shape 40 x 64: features must be floats [n, d], and images [n, h, w"),
        (np.zeros((0, 4)), "float64 of shape 0 x 4: nothing to audit."),
        (1e8 + np.linspace(0, 1, 160).reshape(40, 4), "differ by 0.58 and lie so far from 0"),
        (np.arange(40.0), "give images [n, h, w]"),
        (np.array([{}] * 40, dtype=object), "it holds Python objects, which are never loaded"),
    ],
)
def test_arrays_that_are_no_features_are_said(
    content: bytes | np.ndarray, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "fine.npy", RNG.normal(size=(40, 4)))
    if isinstance(content, bytes):
        (tmp_path / "bad.npy").write_bytes(content)
    else:
        np.save(tmp_path / "bad.npy", content, allow_pickle=True)
    sentence = told(tmp_path / "fine.npy", tmp_path / "bad.npy", tmp_path / "out", capsys)
    assert message in sentence
    assert "bad.npy" in sentence


def test_an_empty_archive_of_arrays_is_said(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "empty.npz")
    assert "it holds nothing" in told(plain, tmp_path / "empty.npz", tmp_path / "out", capsys)


def test_pictures_are_the_same_in_every_form(plain: Path, tmp_path: Path) -> None:
    pages = np.stack([np.asarray(Image.open(file)) for file in sorted(plain.iterdir())])
    other = RNG.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "scaled.npz", images=pages / 255, labels=np.zeros((24, 2)))
    truth = audit(plain, other, metrics=("coverage",)).document()
    forms = (pages, torch.from_numpy(pages).permute(0, 3, 1, 2) / 127.5 - 1, tmp_path / "scaled.npz")
    for form in forms:
        found = audit(form, other, metrics=("coverage",))
        document = found.document()
        for example in truth["examples"]:
            example.pop("file", None)
        for key in ("regions", "examples", "dropped_mass", "summary"):
            assert document[key] == truth[key]
        assert found.certificate["real"] == truth["certificate"]["real"]
        assert any("taken as from black to white" in line for line in found.warnings) == (form is not pages)


def test_whole_numbers_are_refused_on_either_side(plain: Path) -> None:
    dark, light = (np.full((30, 16, 16, 3), value) for value in (0, 255))
    for real, fake, side in ((dark, light, "data"), (plain, light, "samples")):
        with pytest.raises(UserError, match=rf"The array of {side} holds int64 of shape 30 x 16 x 16 x 3, from"):
            audit(real, fake)


def test_damaged_pictures_are_left_out_on_demand(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plain / "03.png").write_bytes(b"")
    out = tmp_path / "out"
    sides = ["--real", str(plain), "--fake", str(plain), "--out", str(out)]
    assert main(["audit", *sides, "--skip-damaged", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["n_real"], document["n_fake"]) == (23, 23)
    assert "1 of 24 pictures left out" in (out / "index.html").read_text(encoding="utf-8")
    assert main(["data", "info", str(plain)]) == 2
    assert "--skip-damaged" in capsys.readouterr().err
    assert main(["data", "info", str(plain), "--skip-damaged"]) == 0
    said = capsys.readouterr().out
    assert "Note: 1 of 24 pictures left out" in said
    assert re.search(r"examples +23", said)


def test_pictures_beside_a_config_are_no_run(plain: Path) -> None:
    (plain / "config.json").write_text("{}")
    assert audit(plain, plain, metrics=("coverage",)).n_real == 24


@pytest.mark.parametrize("same", ["real", "fake", "both"])
def test_identical_images_on_a_side_make_a_page(plain: Path, tmp_path: Path, same: str) -> None:
    flat = folder(tmp_path / "flat", lambda n: Image.new("RGB", (16, 16), (9, 8, 7)))
    found = audit(plain if same == "fake" else flat, plain if same == "real" else flat)
    found.to_html(tmp_path / "page.html")
    assert (found.dropped_mass.estimate > 0.9) == (same != "both")


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_features_of_few_different_values_make_a_page(dim: int, tmp_path: Path) -> None:
    points = np.repeat(RNG.normal(size=(3, dim)), 20, axis=0)
    found = audit(points, points[::-1].copy())
    found.to_html(tmp_path / "page.html")
    assert not found.dropped


def test_names_of_files_may_hold_anything(plain: Path, tmp_path: Path) -> None:
    names = ["<img src=x onerror=alert(1)>&\"'.png", "ü 日本 .png", "a|b`c`.png", "\udcff\udcfe.png"]
    for number, name in enumerate(names):
        try:
            (plain / f"{number:02}.png").rename(plain / name)
        except (OSError, UnicodeError):
            pytest.skip("this file system does not take such names")
    out = tmp_path / "out"
    assert main(["audit", "--real", str(plain), "--fake", str(plain), "--out", str(out)]) == 0
    files = {example["file"] for example in json.loads((out / "audit.json").read_text())["examples"]}
    assert {names[0], names[1], "??.png"} <= files
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;&#34;&#39;.png" in page


def test_a_place_that_cannot_be_written_is_said(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("here")
    assert main(["audit", "--real", str(plain), "--fake", str(plain), "--out", os.fspath(tmp_path / "file" / "x")]) == 2
    assert "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [{"fraction": 0}, {"fraction": np.nan}, {"fraction": 1.5}, {"seed": -1}, {"seed": 0.5}]
)
def test_a_fraction_or_a_seed_that_is_none_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(UserError, match=f"The {next(iter(options))} is .*, but must be"):
        audit(RNG.normal(size=(40, 3)), RNG.normal(size=(40, 3)), **options)
