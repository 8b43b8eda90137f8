"""Arrays: the same pictures in any form are the same data; what could be read in two ways is refused."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data.arrays import as_array, parsed, read_array
from allmodes.data.images import Gathered, Images, gathered, pictures_of

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
COLOUR[0, 0, 0], GREY[0, 0, 0] = (0, 255, 0), 0

FORMS = {
    "rows": lambda a: a,
    "planes": lambda a: np.moveaxis(a, 3, 1),
    "tensor": lambda a: torch.from_numpy(a),
    "planes-tensor": lambda a: torch.from_numpy(a).permute(0, 3, 1, 2),
    "by-column": np.asfortranarray,
    "lists": lambda a: [torch.from_numpy(page).numpy() for page in a],
    "to-255": lambda a: a.astype(np.float64),
    "to-255-bfloat16": lambda a: torch.from_numpy(a).bfloat16(),
    "to-1": lambda a: a / 255,
    "to-1-half": lambda a: (a / 255).astype(np.float16),
    "to-1-big-endian": lambda a: (a / 255).astype(">f4"),
    "from-minus-1": lambda a: a.astype(np.float32) / 127.5 - 1,
    "from-minus-1-with-gradient": lambda a: (torch.from_numpy(a).permute(0, 3, 1, 2) / 127.5 - 1).requires_grad_(),
    "a-rounding-error-beyond": lambda a: a / 127.5 * 1.0001 - 1.0001,
}


def saved(folder: Path, pages: np.ndarray) -> Path:
    folder.mkdir()
    for number, page in enumerate(pages):
        Image.fromarray(page.squeeze()).save(folder / f"{number}.png")
    return folder


def read(form: object) -> Gathered:
    return gathered(pictures_of(form, "The array"))


@pytest.mark.parametrize("pages", [COLOUR, GREY[..., None]], ids=["colour", "grey"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_pictures_are_the_same_data(form, pages: np.ndarray, tmp_path: Path) -> None:
    truth = Images(saved(tmp_path / "files", pages))
    given = form(pages)
    found = [read(given)]
    if isinstance(given, np.ndarray):
        np.save(tmp_path / "a.npy", given)
        np.savez_compressed(tmp_path / "a.npz", given)
        found += [Images(tmp_path / "a.npy"), Images(tmp_path / "a.npz")]
    for data in found:
        assert torch.equal(data.images, truth.images)
        assert (data.fingerprint, data.resize) == (truth.fingerprint, "none")


def test_floats_are_said_to_be_taken_as_what_they_are() -> None:
    assert read(COLOUR).notes == ()
    assert read(COLOUR / 255).notes == ("The array holds floats from 0 to 1, taken as from black to white.",)
    assert "floats from -1 to 1" in read(COLOUR / 127.5 - 1).notes[0]


REFUSED = [
    (COLOUR.astype(np.int64), r"int64 of shape 5 x 8 x 8 x 3, from 0 to 255: give .* array.astype\('uint8'\)"),
    (COLOUR.astype(np.uint16) * 257, "uint16 .*, from 0 to 65,535: give images as uint8, here scaled to 0 to 255"),
    (COLOUR.astype(np.uint16) * 16, "uint16 .*, from 0 to 4,080"),
    (-COLOUR.astype(np.int16), "int16 .*, from -255 to 0"),
    (COLOUR > 127, r"bool .*: give images as uint8, here array.astype\('uint8'\) \* 255"),
    (COLOUR * 1j, "complex128"),
    (COLOUR / 2550, "from 0 to 0.1, and their range is not evident"),
    (COLOUR / 255 - 0.5, "from -0.5 to 0.5, and their range is not evident"),
    (COLOUR / 16.0, "from 0 to 15.94, and their range is not evident"),
    (COLOUR / 100, "from 0 to 2.55, and their range is not evident"),
    (COLOUR / 64 - 2, "from -2 to 1.984, and their range is not evident"),
    (COLOUR * 257.0, "from 0 to 6.554e.04, and their range is not evident"),
    (np.zeros((5, 8, 8)), "from 0 to 0, and their range is not evident"),
    (np.zeros((5, 8, 8, 32), np.uint8), "give images .n, h, w., .n, h, w, 3. or .n, 3, h, w."),
    (np.zeros((5, 8, 8, 4), np.uint8), "blend what has a fourth channel"),
    (np.zeros((5, 2, 8, 8), np.uint8), "sides of at least 4 pixels"),
    (np.zeros((64, 64, 3), np.uint8), "uint8 of shape 64 x 64 x 3: give"),
    (np.zeros((3, 3, 3, 3), np.uint8), "sides of at least 4 pixels"),
    (np.zeros((0, 8, 8), np.uint8), "uint8 of shape 0 x 8 x 8"),
    (np.zeros((5, 1, 3, 8, 8), np.uint8), "uint8 of shape 5 x 1 x 3 x 8 x 8"),
    (["a", "b"], "is no array of numbers"),
    ([np.zeros((8, 8)), np.zeros((9, 8))], "is no array of numbers"),
    (object(), "is no array of numbers"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_is_not_evident_is_refused(given: object, message: str) -> None:
    with pytest.raises(UserError, match=f"The array .*{message}"):
        read(given)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_pictures_that_hold_no_number_are_named(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allmodes.data.arrays.BLOCK", 2)
    floats = COLOUR / 255
    floats[3, 0, 0, 0] = bad
    with pytest.raises(UserError, match="with NaN or infinity, first in image 3"):
        read(floats)


def test_one_rule_says_which_array_of_an_archive_is_meant(tmp_path: Path) -> None:
    features, file = RNG.normal(size=(6, 4)), tmp_path / "a.npz"
    np.savez(file, arr=features, features=features[:3], images=COLOUR)
    assert np.array_equal(read_array(file), COLOUR)
    np.savez(file, arr=features, features=features[:3])
    assert np.array_equal(read_array(file), features[:3])
    np.savez(file, anything=features)
    assert np.array_equal(read_array(file), features)
    np.savez(file, mu=features, sigma=features)
    with pytest.raises(UserError, match=r"several arrays \(mu, sigma\): name the one to take 'images' or 'features'"):
        read_array(file)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">i2", "<u8", ">f8", "<U3", "|b1"])
def test_any_order_of_bytes_is_read(dtype: str, tmp_path: Path) -> None:
    values = np.arange(12).reshape(3, 4).astype(dtype)
    for laid in (values, np.asfortranarray(values)):
        np.save(tmp_path / "a.npy", laid)
        found = parsed((tmp_path / "a.npy").read_bytes())
        assert found.dtype.isnative
        assert np.array_equal(found, values)


def headed(shape: str, descr: str = "'|u1'") -> bytes:
    """A file whose heading claims anything, and hardly a byte after it."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


@pytest.mark.parametrize(
    "content",
    [
        headed("(1000000, 32768, 32768)"),
        headed(f"({2**63}, {2**63})"),
        headed("(-1, -8)"),
        headed("(8,)", "[('a', '<f4')]"),
        headed("(8,)", "'|V0'"),
        headed("__import__('os')"),
        headed("(" * 900),
        b"\x93NUMPY\x09\x00",
    ],
)
def test_a_heading_is_not_taken_on_trust(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UserError, match=rf"{name} cannot be read as an array \(it is cut off"):
            read_array(tmp_path / name)


def test_python_objects_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(headed("(8,)", "'|O'"))
    with pytest.raises(UserError, match=r"a.npy cannot be read as an array \(it holds Python objects, which are never"):
        read_array(tmp_path / "a.npy")


def test_an_archive_larger_than_the_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", np.zeros((1000, 64, 64), np.uint8))
    monkeypatch.setattr("os.sysconf", lambda name: 1_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(UserError, match=r"a.npz, unpacked, need 0 GiB"):
        read_array(tmp_path / "a.npz")


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_no_damage_of_an_archive_is_more_than_one_sentence(pack, tmp_path: Path) -> None:
    whole = io.BytesIO()
    pack(whole, images=GREY[:2], labels=np.arange(2))
    content, file, said = whole.getvalue(), tmp_path / "a.npz", 0
    for place in range(0, len(content), 3):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            assert np.array_equal(read_array(file), GREY[:2])
        except UserError:
            said += 1
    assert said > len(content) // 10


def test_a_mask_is_not_ignored():
    pages = np.ma.masked_less(np.full((4, 8, 8), 7, np.uint8), 9)
    with pytest.raises(UserError, match="with a mask"):
        as_array(pages, "the data")
