"""Folders of pictures: which files count, what is left out and said, what is damaged and named."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, features

from allmodes.core.errors import UserError
from allmodes.data.images import Images

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65_536, (8, 8)).astype(np.uint16)
DEEP[0, :2] = 0, 65_535


def save(file: Path, pixels: np.ndarray | None = None) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8) if pixels is None else pixels).save(file)
    return file


ASIDE = [
    ".ipynb_checkpoints/a-checkpoint.png",
    ".a.png",
    "sub/.hidden/a.png",
    ".thumbnails/a.png",
    "sub/@eaDir/a.png/SYNOPHOTO_THUMB_M.png",
    ".Trash-1000/files/a.png",
    ".Trashes/a.png",
    "__MACOSX/a.png",
    "$RECYCLE.BIN/a.png",
]


@pytest.mark.parametrize("aside", ASIDE)
def test_what_systems_lay_beside_pictures_does_not_count(aside: str, tmp_path: Path) -> None:
    folder = tmp_path / ".data"  # that the whole lies in a hidden folder is its owner's affair
    save(folder / "a.png")
    save(folder / "sub" / "b.png")
    save(folder / aside)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            if file.is_file():
                archive.write(file, file.relative_to(folder))
    assert Images(folder).files == Images(tmp_path / "a.zip").files == ("a.png", "sub/b.png")


def test_linked_folders_count_once_and_may_lie_in_a_circle(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    save(folder / "b" / "1.png")
    save(tmp_path / "elsewhere" / "2.png")
    (folder / "a").symlink_to(folder / "b")
    (folder / "c").symlink_to(tmp_path / "elsewhere")
    (folder / "b" / "round").symlink_to(folder)
    (folder / "3.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    assert Images(folder).files == ("3.png", "b/1.png", "c/2.png")
    assert Images(folder).notes == ()


def test_broken_links_and_pictures_of_other_kinds_are_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    for name in ("gone.png", "sub"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    for name in ("a.heic", "b.HEIC", "c.jxl"):
        (tmp_path / name).write_bytes(b"")
    notes = Images(tmp_path).notes
    assert "(2 .heic, 1 .jxl)" in notes[0]
    assert notes[1] == "Links that lead nowhere are left out: gone.png, sub."
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match=r"There are no images in .* \(2 .heic, 1 .jxl\).* lead nowhere"):
        Images(tmp_path)


@pytest.mark.parametrize("kind", ["jfif", "jpe", *(["avif"] if features.check("avif") else [])])
def test_further_names_of_pictures_are_known(kind: str, tmp_path: Path) -> None:
    flat = Image.new("RGB", (16, 16), (200, 100, 50))
    flat.save(tmp_path / f"a.{kind.upper()}", {"avif": "AVIF"}.get(kind, "JPEG"), quality=95)
    found = Images(tmp_path).images[0].float().mean((1, 2))
    assert torch.allclose(found, torch.tensor([200.0, 100.0, 50.0]), atol=3)


def damaged(folder: Path, count: int) -> Path:
    for number in range(count + 2):
        save(folder / f"{number:02}.png")
    for number in range(count):
        content = (folder / f"{number:02}.png").read_bytes()
        (folder / f"{number:02}.png").write_bytes(content[: [0, 20, 60][number % 3]])
    return folder


def test_all_damaged_pictures_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as few:
        Images(damaged(tmp_path / "few", 3))
    assert all(f"{number:02}.png (" in str(few.value) for number in range(3))
    assert "are damaged or no images: replace them, or leave them out with --skip-damaged" in str(few.value)
    with pytest.raises(UserError, match=r"09.png \([^)]*\)? and 2 more are damaged") as many:
        Images(damaged(tmp_path / "many", 12))
    assert "10.png" not in str(many.value)


def test_damaged_pictures_are_left_out_on_demand_and_said(tmp_path: Path) -> None:
    folder = damaged(tmp_path / "few", 3)
    Image.new("L", (30, 20)).save(folder / "zz.png")
    whole = (folder / "zz.png").read_bytes()
    (folder / "zz.png").write_bytes(whole[:-20])  # of another size, and only its end is missing
    found = Images(folder, skip_damaged=True)
    for file in [folder / f"{number:02}.png" for number in range(3)] + [folder / "zz.png"]:
        file.unlink()
    without = Images(folder)
    assert torch.equal(found.images, without.images)
    assert (found.files, found.fingerprint, found.resize) == (without.files, without.fingerprint, "none")
    assert found.notes[0].startswith("4 of 6 pictures left out: ")
    assert (without.notes, len(found.notes)) == ((), 1)
    with pytest.raises(UserError, match="nothing is left of"):
        Images(only_damaged(tmp_path / "none"), skip_damaged=True)


def only_damaged(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a.png").write_bytes(b"")
    return folder


def test_a_flipped_bit_of_a_png_is_damage(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", DEEP)
    content, right = file.read_bytes(), Images(tmp_path).images
    said = 0
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            assert torch.equal(Images(tmp_path).images, right)
        except UserError:
            said += 1
    assert said > len(content) // 2


@pytest.mark.parametrize("bits", [8, 10, 12, 15])
@pytest.mark.parametrize(
    ("suffix", "kind"), [("png", np.uint16), ("tif", np.uint16), ("tif", np.int32)], ids=["png", "tif", "tif-32"]
)
def test_few_bits_stored_in_many_are_refused_and_never_black(
    bits: int, suffix: str, kind: type, tmp_path: Path
) -> None:
    save(tmp_path / f"a.{suffix}", (DEEP >> (16 - bits)).astype(kind))
    with pytest.raises(UserError, match=r"1 hold more than 8 bits, the first a.\w+, and none of these reaches"):
        Images(tmp_path)
    bright = save(tmp_path / f"b.{suffix}", DEEP.astype(kind))  # now it is seen what the dark one is measured by
    assert np.array_equal(Images(tmp_path).images[1, 0].numpy(), DEEP >> 8)
    bright.unlink()


def test_colours_of_few_bits_stored_in_sixteen_are_refused(tmp_path: Path) -> None:
    pixels = np.stack([DEEP >> 4] * 3, axis=2).astype(">u2").reshape(8, -1).view(np.uint8)
    rows = np.concatenate([np.zeros((8, 1), np.uint8), pixels], axis=1)  # each begins with its filter, here none
    (tmp_path / "a.png").write_bytes(png_of_colours(rows))
    with pytest.raises(UserError, match="none of these reaches 4,096 of 65,535"):
        Images(tmp_path)


def png_of_colours(rows: np.ndarray) -> bytes:
    """A picture of 8 x 8 with three channels of 16 bits, which Pillow reads, and does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    heading = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", heading), chunk(b"IDAT", zlib.compress(rows.tobytes())), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_a_place_that_cannot_be_is_said() -> None:
    with pytest.raises(UserError, match="does not exist"):
        Images(Path("a" * 5_000))
