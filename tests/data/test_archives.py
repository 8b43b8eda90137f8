"""Zip archives: every picture once and as it was packed, or one sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data import archives
from allmodes.data.archives import Archive
from allmodes.data.images import Images

PAGES = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PAGES[number]).save(file, "png")
    return file.getvalue()


def packed(method: int = zipfile.ZIP_STORED, **more: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for number in range(len(PAGES)):
            archive.writestr(f"{number}.png", png(number))
        archive.writestr("notes.txt", "by hand")
        for name, content in more.items():
            archive.writestr(name, content)
    return file.getvalue()


def patched(content: bytes, local: int, listed: int, value: int) -> bytes:
    """Both headings of every file with a byte of theirs set."""
    changed = bytearray(content)
    for mark, place in ((b"PK\3\4", local), (b"PK\1\2", listed)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            changed[start + place] = value
            start += 4
    return bytes(changed)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_picture_is_read_whatever_packed_it(method: int, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(method))
    assert torch.equal(Images(tmp_path / "a.zip").images[:, 0], torch.from_numpy(PAGES))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_no_damage_is_more_than_one_sentence_or_gives_other_pictures(method: int, tmp_path: Path) -> None:
    content, file = packed(method), tmp_path / "a.zip"
    said = 0
    for place in range(0, len(content), 5):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            assert torch.equal(Images(file).images[:, 0], torch.from_numpy(PAGES))
        except UserError:
            said += 1
    assert said > len(content) // 10


def test_a_password_and_unknown_methods_are_said(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(patched(packed(), 6, 8, 1))
    with pytest.raises(UserError, match=r"a.zip is locked by a password: unpack it, and give the folder."):
        Images(file)
    file.write_bytes(patched(packed(zipfile.ZIP_DEFLATED), 8, 10, 9))  # Deflate64
    with pytest.raises(UserError, match=r"a.zip is packed by a method that Python cannot unpack .*: unpack it"):
        Images(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in (0, 1, 0):
            archive.writestr("a.png", png(number))
    with pytest.raises(UserError, match=r"a.zip holds 'a.png' twice"):
        Images(tmp_path / "a.zip")


def test_a_folder_that_is_called_like_a_picture_is_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("album.png/", b"")
        archive.writestr("album.png/1.png", png(1))
    assert Images(tmp_path / "a.zip").files == ("album.png/1.png",)


def test_a_list_that_ends_too_soon_is_said(tmp_path: Path) -> None:
    content = bytearray(packed())
    second = content.find(b"PK\1\2", content.find(b"PK\1\2") + 4)
    length = len(content) - second - 22 - content.find(b"PK\1\2") + second
    content[content.find(b"PK\1\2") + 32 : content.find(b"PK\1\2") + 34] = (length - 46 - 5).to_bytes(2, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"it states 4 files and lists 1"):
        Images(tmp_path / "a.zip")


def test_zeros_without_end_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", png(0))
        with archive.open("a.png", "w") as endless:
            for _ in range(257):
                endless.write(bytes(2**20))
    read = []
    monkeypatch.setattr(Archive, "read", lambda self, name: read.append(name) or png(0))
    with pytest.raises(UserError, match=r"a.zip/a.png \(it takes 0.3 GiB"):
        Images(file)
    assert set(read) == {"0.png"}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_no_more_is_unpacked_than_an_archive_states(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a", bytes(2**22))
    content = bytearray(file.getvalue())
    start = content.find(b"PK\1\2") + 24
    content[start : start + 4] = (1_000).to_bytes(4, "little")
    given: list[int] = []
    opened = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int = -1) -> bytes:
        found = opened(self, n)
        given.append(len(found))
        return found

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(ValueError, match="CRC"):
        Archive(bytes(content), "it").read("a")
    assert sum(given) <= 1_000


def test_a_reason_is_short() -> None:
    assert len(archives.reason(ValueError("word " * 1_000))) <= 120
    assert archives.reason(ValueError()) == "ValueError"
