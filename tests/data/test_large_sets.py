"""Large sets are the same images as small ones, wherever they lie: in tars, in a file of the cache folder, on disk."""

from __future__ import annotations

import errno
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data import arrays, canvas
from allmodes.data.images import Gathered, gathered, open_pictures

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (4, 16, 16), dtype=np.uint8)


def encoded(pixels: np.ndarray) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, format="PNG")
        return file.getvalue()


def packed(path: Path, pictures: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in pictures.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return path


def seen(path: Path, **given: int) -> Gathered:
    return gathered(open_pictures(path), **given)


def test_pictures_in_tars_are_those_of_the_folder(tmp_path: Path) -> None:
    whole, shards = tmp_path / "whole", tmp_path / "shards"
    for name, pixels in zip("abcdefghi", COLOUR, strict=True):
        file = whole / ("shard-0" if name < "e" else "shard-1") / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(pixels))
    shards.mkdir()
    for folder in sorted(whole.iterdir()):
        each = {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
        packed(shards / f"{folder.name}.tar", {**each, "a.json": b"{}", "a.cls": b"7"})
    folder, tars, one = seen(whole), seen(shards), seen(shards / "shard-0.tar")
    assert torch.equal(folder.images, torch.from_numpy(COLOUR).permute(0, 3, 1, 2))
    assert torch.equal(tars.images, folder.images)
    assert (tars.files, tars.fingerprint) == (folder.files, folder.fingerprint)
    assert torch.equal(one.images, folder.images[:4])
    assert one.files == ("a.png", "b.png", "c.png", "d.png")


def test_a_tar_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    pictures = {f"{name}.png": encoded(pixels) for name, pixels in zip("abc", COLOUR, strict=False)}
    content = packed(tmp_path / "whole.tar", pictures).read_bytes()
    second = content.index(b"b.png")
    for cut in (second, second + 512, second + 1_000, second - 100):
        (tmp_path / "cut.tar").write_bytes(content[:cut])
        with pytest.raises(UserError, match=r"cut.tar is no tar archive that can be read \(.*\): pack it anew"):
            seen(tmp_path / "cut.tar")
    packed(tmp_path / "packed.tar", pictures, "w:gz")
    with pytest.raises(UserError, match="packed.tar is no tar archive"):
        seen(tmp_path / "packed.tar")
    with tarfile.open(tmp_path / "whole.tar", "a") as archive:
        archive.addfile(tarfile.TarInfo("a.png"))
    with pytest.raises(UserError, match="it holds 'a.png' twice"):
        seen(tmp_path / "whole.tar")


def test_many_images_lie_in_a_file_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, pixels in enumerate([*GREY, *COLOUR, *GREY]):  # of which the grey ones are coloured among these
        (folder / f"{number:02}.png").write_bytes(encoded(pixels))
    held = [seen(folder, **given) for given in ({}, {"channels": 1}, {"size": 8})]
    monkeypatch.setattr(canvas, "HELD", 100)
    lain = [seen(folder, **given) for given in ({}, {"channels": 1}, {"size": 8})]
    as_colour = np.concatenate([GREY[..., None].repeat(3, 3), COLOUR, GREY[..., None].repeat(3, 3)])
    assert torch.equal(lain[0].images, torch.from_numpy(as_colour).permute(0, 3, 1, 2))
    for here, there in zip(held, lain, strict=True):
        assert torch.equal(here.images, there.images)
        assert here.fingerprint == there.fingerprint
    assert list((tmp_path / "cache").iterdir()) == []  # the file has no name


def test_a_disk_that_is_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(canvas, "HELD", 100)
    monkeypatch.setattr(canvas.os, "posix_fallocate", full)
    monkeypatch.setattr(canvas.sys, "platform", "linux")
    np.save(tmp_path / "images.npy", COLOUR)
    with pytest.raises(UserError, match=r"cache: No space left on device. Free some space"):
        seen(tmp_path / "images.npy")


@pytest.mark.parametrize("kind", ["uint8", "float32", ">f8"])
def test_a_large_array_is_looked_at_where_it_lies(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "images.npy"
    np.save(path, COLOUR if kind == "uint8" else (COLOUR / 255).astype(kind))
    before, held = path.read_bytes(), seen(path)
    monkeypatch.setattr(arrays, "HELD", 100)
    lain = seen(path)
    assert torch.equal(lain.images, torch.from_numpy(COLOUR).permute(0, 3, 1, 2))
    assert lain.fingerprint == held.fingerprint
    arrays.read_array(path)[:] = 0
    assert path.read_bytes() == before
    path.write_bytes(before[:-1])
    with pytest.raises(UserError, match="it is cut off"):
        seen(path)
