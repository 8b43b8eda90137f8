"""idx files: read whatever their packing, refused when damaged, looked for in order, downloaded only when genuine."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.core.downloads import fetch
from allmodes.core.errors import UserError
from allmodes.data import cifar10
from allmodes.data.fashion_mnist import FASHION_SOURCE
from allmodes.data.idx import read_idx
from allmodes.data.images import Images
from allmodes.data.mnist import MNIST_SOURCE, PARTS, Mnist
from allmodes.data.orl_faces import ORL
from allmodes.data.raccoon import RACCOON
from allmodes.networks.features import inception

SOURCE = Path(__file__).parents[2]


def idx_bytes(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_set(folder: Path, n: int = 12) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part in PARTS:
        array = rng.integers(0, 256, (n, 6, 6)) if "images" in part else np.arange(n) % 10
        (folder / f"{part}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def test_packed_and_plain_files_are_equal(tmp_path):
    array = np.arange(60).reshape(3, 4, 5)
    (tmp_path / "a").write_bytes(idx_bytes(array))
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx_bytes(array)))
    assert torch.equal(read_idx(tmp_path / "a"), torch.from_numpy(array).to(torch.uint8))
    assert torch.equal(read_idx(tmp_path / "a"), read_idx(tmp_path / "a.gz"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(np.zeros((3, 4)))[:-1], "holds 11 bytes instead of 12"),
        (gzip.compress(idx_bytes(np.zeros((30, 4))), mtime=0)[:-9], "cannot be read"),
        (idx_bytes(np.zeros((3, 4))) + b"\0", "holds more instead of 12"),
        (b"\0\0\x08\4" + bytes([0x80, 0, 0, 0] * 4), "GiB, and this machine has"),  # 2^124, which is 0 of 64 bits
        (b"\0\0\x08\2" + bytes([0xFF] * 8), "GiB, and this machine has"),
        (b"\0\0\x08\2" + bytes(7), "holds nothing"),
        (idx_bytes(np.zeros((0, 4))), "holds nothing"),
        (b"\0\0\x08\xff" + bytes(4 * 255), "not an idx file"),
        (b"\x89PNG....", "not an idx file"),
        (b"", "not an idx file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00\x00\x00\x00", "not an idx file of unsigned bytes"),
    ],
    ids=["short", "cut-gzip", "long", "overflow", "huge", "cut", "none", "axes", "png", "empty", "floats"],
)
def test_a_damaged_file_is_named(content, message, tmp_path):
    (tmp_path / "digits").write_bytes(content)
    with pytest.raises(UserError, match=rf"digits.*{message}"):
        read_idx(tmp_path / "digits")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_as_pictures_it_is_refused_by_its_name(pack, tmp_path):
    (tmp_path / "train").write_bytes(pack(idx_bytes(np.zeros((3, 8, 8), np.uint8))))
    with pytest.raises(UserError, match=r"train is an idx file, as those of MNIST are: save its images as a \.npy"):
        Images(tmp_path / "train")
    (tmp_path / "other").write_bytes(pack(b"\0\0\7\3nothing known"))
    with pytest.raises(UserError, match="other is neither a folder nor a zip"):
        Images(tmp_path / "other")


def test_the_set_is_found_by_path_and_by_environment(tmp_path, monkeypatch):
    folder = write_set(tmp_path / "mnist")
    first = Mnist(path=folder)
    assert len(first) == 12
    assert first.shape == (1, 6, 6)
    monkeypatch.setenv("ALLMODES_DATA", str(tmp_path))
    assert Mnist().fingerprint == first.fingerprint == Mnist(path=tmp_path).fingerprint


def test_images_and_labels_must_belong_together(tmp_path):
    folder = write_set(tmp_path / "mnist")
    (folder / f"{PARTS[1]}.gz").write_bytes(gzip.compress(idx_bytes(np.zeros(11))))
    with pytest.raises(UserError, match="do not belong together"):
        Mnist(path=folder)


def test_a_missing_set_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ALLMODES_DATA", raising=False)
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *a, **k: (_ for _ in ()).throw(OSError("no route")))
    with pytest.raises(UserError, match=r"cannot be downloaded \(no route\): put its four idx files .* --data.path"):
        Mnist()
    with pytest.raises(UserError, match="does not hold the four idx files"):
        Mnist(path=tmp_path)


def test_a_packed_file_unpacks_no_further_than_it_states(tmp_path, monkeypatch):
    (tmp_path / "digits.gz").write_bytes(gzip.compress(idx_bytes(np.zeros((3, 4))) + bytes(2**24)))
    asked = []
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, n=-1, read=gzip.GzipFile.read: asked.append(n) or read(self, n)
    )
    with pytest.raises(UserError, match="holds more instead of 12"):
        read_idx(tmp_path / "digits.gz")
    assert max(asked) == 12
    assert min(asked) > 0


def test_every_address_is_of_https_and_every_download_has_its_sha256():
    addresses = [
        *MNIST_SOURCE.mirrors,
        *FASHION_SOURCE.mirrors,
        cifar10.URL,
        *inception.MIRRORS,
        *ORL.urls,
        *RACCOON.urls,
    ]
    hashes = [
        *MNIST_SOURCE.sha256,
        *FASHION_SOURCE.sha256,
        cifar10.SHA256,
        inception.SHA256,
        ORL.sha256,
        RACCOON.sha256,
    ]
    assert all(address.startswith("https://") for address in addresses)
    assert all(len(bytes.fromhex(known)) == 32 for known in hashes)
    found = [url for file in (SOURCE / "src").rglob("*.py") for url in re.findall("http://[^\"' )]+", file.read_text())]
    assert set(found) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_nothing_is_fetched_without_encryption(tmp_path):
    with pytest.raises(ValueError, match="https alone"):
        fetch(["http://here/x"], tmp_path / "x", genuine=lambda content: True, what="x", remedy="copy it")


def test_a_download_appears_only_when_genuine(tmp_path, monkeypatch):
    contents = {"https://bad/x": b"altered", "https://good/x": b"genuine"}

    def download(url: str, target: str, progress: bool) -> None:
        Path(target).write_bytes(contents[url])

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    target = tmp_path / "x"

    def get(*urls: str) -> None:
        fetch(urls, target, genuine=lambda content: content == b"genuine", what="x", remedy="copy it")

    with pytest.raises(UserError, match="checksum of the download is wrong"):
        get("https://bad/x")
    assert list(tmp_path.iterdir()) == []
    get("https://bad/x", "https://good/x")
    assert target.read_bytes() == b"genuine"
