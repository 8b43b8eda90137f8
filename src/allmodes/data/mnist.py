"""MNIST (LeCun et al. 1998) and Fashion-MNIST (Xiao et al. 2017): 60,000 + 10,000 grey images of 28 x 28."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from .base import Labelled
from .fixed import FixedImages
from .idx import read_idx
from .pixels import to_float

PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Source:
    """Where a set can be downloaded, with the SHA-256 of each of the four files in the order of ``PARTS``."""

    folder: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]


MNIST_SOURCE = Source(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)


@dataclass(frozen=True)
class Digits:
    """Train and test images, uint8 ``(n, 1, H, W)``, with labels int64 ``(n,)``."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    fingerprint: str

    def labelled(self) -> Labelled:
        """For training a classifier."""
        return Labelled(
            to_float(self.train_images),
            self.train_labels,
            to_float(self.test_images),
            self.test_labels,
            classes=10,
            fingerprint=self.fingerprint,
        )


def open_idx(source: Source, path: Path | None) -> Digits:
    """Open the four files from ``path``, ``$ALLMODES_DATA``, the cache, or the mirrors, whichever has them first.

    Raises:
        UserError: the files cannot be had, or are damaged.
    """
    train, train_labels, test, test_labels = (read_idx(file) for file in _locate(source, path))
    for images, labels in ((train, train_labels), (test, test_labels)):
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise UserError(f"The {source.folder} files do not belong together: copy or download them again.")
    fingerprint = digest(*(part.numpy().tobytes() for part in (train, train_labels, test, test_labels)))
    return Digits(train[:, None], train_labels.long(), test[:, None], test_labels.long(), fingerprint)


def _locate(source: Source, path: Path | None) -> list[Path]:
    if path is not None:
        found = _in_folder(path) or _in_folder(path / source.folder)
        if found is None:
            raise UserError(f"{path} does not hold the four idx files of {source.folder} ({PARTS[0]}.gz, ...).")
        return found
    places = [Path(os.environ["ALLMODES_DATA"]) / source.folder] if "ALLMODES_DATA" in os.environ else []
    places.append(cache_dir() / "data" / source.folder)
    for place in places:
        found = _in_folder(place)
        if found is not None:
            return found
    return _download(source, places[-1])


def _in_folder(folder: Path) -> list[Path] | None:
    files = [next((p for p in (folder / f"{part}.gz", folder / part) if p.exists()), None) for part in PARTS]
    found = [file for file in files if file is not None]
    return found if len(found) == len(PARTS) else None


def _download(source: Source, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)
    try:
        return [_fetch(source, part, sha, folder) for part, sha in zip(PARTS, source.sha256, strict=True)]
    finally:
        socket.setdefaulttimeout(before)


def _fetch(source: Source, part: str, sha256: str, folder: Path) -> Path:
    target = folder / f"{part}.gz"
    reason = ""
    for mirror in source.mirrors:
        try:
            torch.hub.download_url_to_file(f"{mirror}{part}.gz", str(target), hash_prefix=sha256, progress=False)
            return target
        except (URLError, OSError, RuntimeError) as error:
            reason = str(error)
    raise UserError(
        f"{source.folder} is not on this machine and cannot be downloaded ({reason}): put its four idx files into a "
        f"folder {source.folder}/ and set ALLMODES_DATA to the folder above it, or give --data.path."
    )


class Mnist(FixedImages):
    """The 60,000 training digits.

    Args:
        path: folder of the four idx files; by default looked for in ``$ALLMODES_DATA/mnist``, then downloaded.
    """

    name = "mnist"

    def __init__(self, *, path: Path | None = None) -> None:
        self._digits = open_idx(MNIST_SOURCE, path)
        super().__init__(self._digits.train_images, self._digits.train_labels, self._digits.fingerprint)

    def labelled(self) -> Labelled:
        return self._digits.labelled()
