"""CIFAR-10 (Krizhevsky 2009): 50,000 + 10,000 colour images of 32 x 32 in 10 classes."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.downloads import ELSEWHERE, fetch
from ..core.errors import UserError
from ..core.files import cache_dir, digest, read_bytes
from .arrays import read_array
from .base import Labelled
from .fixed import FixedImages
from .mnist import Digits
from .pixels import to_float

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
TILES = 100  # a sheet holds 100 x 100 images
RECORD = 1 + 3 * 32 * 32


class Cifar10(FixedImages):
    """The training images, all 50,000 or as many sheets of 10,000 as there are.

    Args:
        path: folder that holds either ``cifar-10-binary.tar.gz`` or lossless sheets ``train_1.webp`` ...
            ``test.webp`` of 100 x 100 images with ``labels.npz``; by default ``$ALLMODES_DATA/cifar10``, then
            downloaded.
    """

    name = "cifar10"

    def __init__(self, *, path: Path | None = None) -> None:
        self._parts = _open(path)
        super().__init__(self._parts.train_images, self._parts.train_labels, self._parts.fingerprint)

    @property
    def test_images(self) -> Tensor:
        return to_float(self._parts.test_images)

    def labelled(self) -> Labelled:
        return self._parts.labelled()


def _open(path: Path | None) -> Digits:
    places = [Path(path)] if path is not None else []
    if path is None and "ALLMODES_DATA" in os.environ:
        places.append(Path(os.environ["ALLMODES_DATA"]) / "cifar10")
    cached = cache_dir() / "data" / "cifar10"
    places += [cached] if path is None else []
    for place in places:
        if (place / "train_1.webp").exists():
            return _from_sheets(place)
        if (place / "cifar-10-binary.tar.gz").exists():
            return _from_archive(place / "cifar-10-binary.tar.gz")
    if path is not None:
        raise UserError(f"{path} holds neither cifar-10-binary.tar.gz nor train_1.webp: give the folder that does.")
    target = cached / "cifar-10-binary.tar.gz"
    remedy = f"put cifar-10-binary.tar.gz into a folder cifar10/ {ELSEWHERE}"
    fetch([URL], target, genuine=_official, what="cifar10", remedy=remedy)
    return _from_archive(target)


def _from_sheets(folder: Path) -> Digits:
    try:
        labels = [read_array(folder / "labels.npz", wanted=(part,)) for part in ("train", "test")]
        sheets = sorted(folder.glob("train_*.webp"))
        train = torch.cat([_sheet(sheet) for sheet in sheets])
        test = _sheet(folder / "test.webp")
        train_labels, test_labels = labels[0][: len(train)], labels[1]
        if (len(train), len(test)) != (len(train_labels), len(test_labels)):
            raise ValueError("there are not as many labels as images")
    except (OSError, ValueError) as error:
        raise UserError(f"The sheets in {folder} cannot be read ({error}): copy them again.") from error
    return _parts(train, train_labels, test, test_labels)


def _sheet(file: Path) -> Tensor:
    pixels = np.asarray(Image.open(file).convert("RGB"))
    tiles = pixels.reshape(TILES, 32, TILES, 32, 3).transpose(0, 2, 4, 1, 3)
    return torch.from_numpy(tiles.reshape(-1, 3, 32, 32).copy())


def _official(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256


def _from_archive(file: Path) -> Digits:
    """The official binary form: records of one label byte and 3,072 pixel bytes."""
    try:
        content = read_bytes(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}): copy it again.") from error
    if not _official(content):
        raise UserError(f"{file} is not the official archive (its SHA-256 differs): delete it and try again.")
    records = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            opened = (
                archive.extractfile(member) if member.name.endswith("_batch.bin") or "_batch_" in member.name else None
            )
            if opened is not None:
                records[Path(member.name).name] = np.frombuffer(opened.read(), np.uint8).reshape(-1, RECORD)
    train = np.concatenate([records[name] for name in sorted(records) if name.startswith("data_batch")])
    test = records["test_batch.bin"]
    images = [torch.from_numpy(part[:, 1:].reshape(-1, 3, 32, 32).copy()) for part in (train, test)]
    return _parts(images[0], train[:, 0], images[1], test[:, 0])


def _parts(train: Tensor, train_labels: np.ndarray, test: Tensor, test_labels: np.ndarray) -> Digits:
    fingerprint = digest(train.numpy().tobytes(), test.numpy().tobytes())
    labels = [torch.from_numpy(part.astype(np.int64)) for part in (train_labels, test_labels)]
    return Digits(train, labels[0], test, labels[1], fingerprint)
