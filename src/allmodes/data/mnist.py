"""MNIST (LeCun et al. 1998), and how sets in its format are found, downloaded and checked."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from ..core.downloads import ELSEWHERE, fetch
from ..core.errors import UserError
from ..core.files import cache_dir, digest
from .base import Labelled
from .choice import Choice
from .fixed import FixedImages
from .idx import read_idx
from .pixels import to_float

PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Source:
    """Where a set can be had.

    Args:
        folder: its name, and that of its folder.
        mirrors: addresses to download from.
        sha256: of the unpacked content of each of the four files, in the order of ``PARTS``.
        installed: where a system package puts it.
    """

    folder: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, str, str, str]
    installed: Path | None = None


MNIST_SOURCE = Source(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


@dataclass(frozen=True)
class Digits:
    """Train and test images, uint8 ``(n, C, H, W)``, with labels int64 ``(n,)``."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    fingerprint: str

    def chosen(self, choice: Choice) -> Digits:
        """Some classes, in some shares, of both parts; the set itself where all is taken as it is."""
        if not str(choice):
            return self
        train, test = choice.places(self.train_labels), choice.places(self.test_labels)
        return Digits(
            self.train_images[train],
            choice.renumbered(self.train_labels[train]),
            self.test_images[test],
            choice.renumbered(self.test_labels[test]),
            digest(self.fingerprint, str(choice)),
        )

    def few(self, count: int) -> Digits:
        """As many of each class as of any other: the first ``count`` of each part, its classes taken in turn."""
        train, test = (in_turn(labels)[:count] for labels in (self.train_labels, self.test_labels))
        return Digits(
            self.train_images[train],
            self.train_labels[train],
            self.test_images[test],
            self.test_labels[test],
            digest(self.fingerprint, f"{count} in turn"),
        )

    def labelled(self) -> Labelled:
        """For training a classifier."""
        return Labelled(
            to_float(self.train_images),
            self.train_labels,
            to_float(self.test_images),
            self.test_labels,
            classes=int(self.train_labels.max()) + 1,
            fingerprint=self.fingerprint,
        )


def in_turn(labels: Tensor) -> Tensor:
    """An order of examples in which the classes take turns, int64 ``(n,)``, from labels ``(n,)``.

    >>> in_turn(Tensor([0, 0, 1, 1, 1]).long()).tolist()
    [0, 2, 1, 3, 4]
    """
    turn = F.one_hot(labels).cumsum(0).gather(1, labels[:, None])[:, 0]
    return turn.argsort(stable=True)


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
    places += [source.installed] if source.installed is not None else []
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
    found = []
    for part, sha256 in zip(PARTS, source.sha256, strict=True):
        urls = [f"{mirror}{part}.gz" for mirror in source.mirrors]
        target = folder / f"{part}.gz"
        remedy = f"put its four idx files into a folder {source.folder}/ {ELSEWHERE}"
        fetch(urls, target, genuine=partial(_unpacks_to, sha256), what=source.folder, remedy=remedy)
        found.append(target)
    return found


def _unpacks_to(sha256: str, packed: bytes) -> bool:
    return hashlib.sha256(gzip.decompress(packed)).hexdigest() == sha256


class Mnist(FixedImages):
    """The 60,000 training digits, or a few of them.

    Args:
        path: folder of the four idx files; by default looked for in ``$ALLMODES_DATA/mnist``, then downloaded.
        count: how many digits to train on, as many of each class; as many of the test digits are then held out.
        classes: which digits, ``[3, 5]``; they are labelled 0, 1, ... in this order. All by default.
        shares: of each of them, ``[0.7, 0.3]``; as they are by default.

    Raises:
        UserError: the files cannot be had, the count is not positive, or goes with shares, or see :class:`Choice`.
    """

    name = "mnist"

    def __init__(
        self,
        *,
        path: Path | None = None,
        count: int | None = None,
        classes: Sequence[int] | None = None,
        shares: Sequence[float] | None = None,
    ) -> None:
        choice = Choice(classes, shares)
        if count is not None and count < 1:
            raise UserError(f"'data.count' is {count}, but must be at least 1.")
        if count is not None and shares is not None:
            raise UserError(
                "'data.count' takes as many of each class, and 'data.shares' does not: leave one of them out."
            )
        digits = open_idx(MNIST_SOURCE, path).chosen(choice)
        self._digits = digits if count is None else digits.few(count)
        super().__init__(self._digits.train_images, self._digits.train_labels, self._digits.fingerprint)
        if count is not None:
            self.heldout = self._digits.test_images

    @property
    def test_images(self) -> Tensor:
        return to_float(self._digits.test_images)

    def labelled(self) -> Labelled:
        return self._digits.labelled()
