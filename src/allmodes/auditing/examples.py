"""What an audit compares: images or features, from paths, arrays or a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.seeding import stream
from ..data.arrays import SHAPES, as_array, contiguous, read_array
from ..data.arrays import SUFFIXES as ARRAYS
from ..data.folders import is_there
from ..data.images import Pictures, gathered, open_pictures, pictures_of
from ..data.pixels import to_uint8
from ..distances.base import Distance
from ..model import Model, load
from .embedding import embed, share

SAMPLES = 5_000  # drawn from a model
LARGEST = 50_000  # of either side are looked at: comparing all with all takes minutes then, and grows with the square
LEAST = 20  # examples of either side that an audit needs
ROWS = 4_096  # of features that are looked at in double precision at a time
ROUNDED = 1e-3  # of the spread of features, at most, may be lost to single precision
SMALLEST = 1e-15  # whose square is a number in single precision


@dataclass(frozen=True)
class Draw:
    """Which examples of a large source are looked at.

    Args:
        rows: their numbers in it, ascending, int64.
        count: how many it holds.
    """

    rows: Tensor
    count: int

    @classmethod
    def of(cls, count: int, most: int | None, seed: int, side: str) -> Draw | None:
        """So many at random; None where all are looked at, since there are no more."""
        if most is None or count <= most:
            return None
        return cls(torch.randperm(count, generator=stream(seed, f"drawn {side}"))[:most].sort().values, count)

    def note(self, title: str) -> str:
        """What a reader must know."""
        return (
            f"Of {self.count:,} in {title}, {len(self.rows):,} drawn at random are looked at, and all figures are of "
            "these alone: copies of the others are not seen as such."
        )


@dataclass(frozen=True)
class Examples:
    """One side of an audit.

    Args:
        images: uint8 ``(n, C, H, W)``, or None where features were handed in.
        features: float32 ``(n, D)``, or None where there are images.
        files: the file of each image, or nothing.
        fingerprint: hash of the content.
        resize: how the images were brought to their size.
        notes: what was left out, or how it was understood, in plain sentences.
        given: the inputs that these answer, in their order; None of examples that answer none.
        passing: whether nobody will ask for these again, so that features of theirs are not kept.
        draw: which of a source's they are; None for all of them.
    """

    images: Tensor | None
    features: Tensor | None
    files: tuple[str, ...]
    fingerprint: str
    resize: str = "none"
    notes: tuple[str, ...] = ()
    given: Examples | None = None
    passing: bool = False
    draw: Draw | None = None

    @classmethod
    def of(cls, drawn: Tensor) -> Examples:
        """What a model or a data set of ours gives: images ``(n, C, H, W)`` in [-1, 1], or points ``(n, d)``."""
        if drawn.ndim != 4:
            return _features(drawn.numpy(), "the model's samples")
        pixels = to_uint8(drawn)
        return cls(pixels, None, (), digest(contiguous(pixels.numpy())))

    def __len__(self) -> int:
        return len(self.images if self.images is not None else self.features)  # type: ignore[arg-type]

    def __getitem__(self, rows: Tensor) -> Examples:
        """Some of them, by their numbers."""
        images, features = (None if part is None else part[rows] for part in (self.images, self.features))
        files = tuple(self.files[row] for row in rows.tolist()) if self.files else ()
        fingerprint = digest(self.fingerprint, str(rows.tolist()))
        draw = None if self.draw is None else Draw(self.draw.rows[rows], self.draw.count)
        return replace(self, images=images, features=features, files=files, fingerprint=fingerprint, draw=draw)

    @property
    def given_in_all(self) -> int:
        """How many the source holds."""
        return len(self) if self.draw is None else self.draw.count

    def numbers(self, places: Sequence[int]) -> tuple[int, ...]:
        """The numbers that examples, told by their places here, have in the source."""
        return tuple(places) if self.draw is None else tuple(self.draw.rows[list(places)].tolist())

    @property
    def repeated(self) -> int:
        """How many are equal to an earlier one, in every pixel or feature."""
        rows = (self.features if self.images is None else self.images).numpy()  # type: ignore[union-attr]
        return len(rows) - len({hash(row.tobytes()) for row in rows})

    def embedded(self, distance: Distance) -> Tensor:
        """Features ``(n, D)``: those handed in, or the distance's of the images, as its network gives them.

        Costly ones are kept for next time.

        Raises:
            UserError: they take too much memory.
        """
        if self.features is not None:
            return self.features
        assert self.images is not None
        features = embed(self.images, distance, self.fingerprint if self._keeps(distance) else None)
        return features.mul_(features.shape[1] ** 0.5) if distance.averaged else features

    def share(self, distance: Distance) -> None:
        """Keep such of these features as no other process has made or makes, for the first process to take.

        Raises:
            UserError: they take too much memory.
        """
        if self.images is not None and self._keeps(distance):
            share(self.images, distance, self.fingerprint)
        if self.given is not None:
            self.given.share(distance)

    def _keeps(self, distance: Distance) -> bool:
        return distance.costly and not self.passing


Source = str | Path | ArrayLike | Tensor | Model | Examples


def open_examples(
    source: Source,
    *,
    like: Examples | None = None,
    seed: int = 0,
    skip_damaged: bool = False,
    most: int | None = None,
) -> Examples:
    """Whatever a user calls data or samples.

    Args:
        source: a folder, ``.zip``, ``.npy`` or ``.npz`` of images or features, a run or model folder, a model, an
            array or tensor of images (see :mod:`allmodes.data.arrays`) or of float features ``[n, d]``.
        like: the other side, whose size and colour these images are brought to.
        seed: of the samples of a model, and of what is drawn.
        skip_damaged: leave out pictures that cannot be read, and say so.
        most: how many are read; of a source that holds more, so many at random.

    Raises:
        UserError: it cannot be read, is empty, or does not go with the other side.
    """
    if isinstance(source, Examples):
        return source
    if isinstance(source, str | Path) and is_run(Path(source)):
        source = load(source)
    if isinstance(source, Model):
        return Examples.of(source.sample(SAMPLES, seed=seed))
    side = "data" if like is None else "samples"
    if isinstance(source, str | Path):
        path, title = Path(source), str(source)
        if path.suffix.lower() not in ARRAYS or not is_there(path):
            pictures = open_pictures(path)
            draw = Draw.of(len(pictures.each), most, seed, side)
            return _images(pictures if draw is None else pictures.some(draw.rows.tolist()), like, skip_damaged, draw)
        array = read_array(path)
    else:
        title = f"The array of {side}"
        array = as_array(source, title)
    return _of_array(array, title, like, skip_damaged, Draw.of(len(array), most, seed, side) if array.ndim else None)


def _of_array(
    array: NDArray[np.generic], title: str, like: Examples | None, skip_damaged: bool, draw: Draw | None
) -> Examples:
    """Images or features of an array, those that are drawn."""
    if array.dtype == np.uint8 and draw is not None:  # may lie on the disk, and be more than memory holds
        return _images(pictures_of(array, title).some(draw.rows.tolist()), like, skip_damaged, draw)
    array = array if draw is None else array[draw.rows.numpy()]
    if array.ndim == 2:
        return _features(array, title, draw)
    return _images(pictures_of(array, title), like, skip_damaged, draw)


def is_run(path: Path) -> bool:
    """Whether a folder holds what training leaves; a folder of pictures may hold a ``config.json``, too."""
    return any(is_there(path / mark) for mark in ("recipe.yaml", "model/config.json", "model.safetensors"))


def _features(array: NDArray[np.generic], where: str, draw: Draw | None = None) -> Examples:
    if array.ndim != 2 or array.dtype.kind != "f" or 0 in array.shape:
        shape = " x ".join(map(str, array.shape))
        what = "nothing to audit" if 0 in array.shape else f"features must be floats [n, d], and images {SHAPES}"
        raise UserError(f"{where} holds {array.dtype} of shape {shape}: {what}.")
    features, largest = np.empty(array.shape, np.float32), 0.0
    spread, lost = np.zeros((2, array.shape[1])), 0.0  # sums of what the rows are beyond the first, and of its squares
    for start in range(0, len(array), ROWS):
        given = array[start : start + ROWS].astype(np.float64)
        bad = ~np.isfinite(given).all(1)
        if bad.any():
            row = start + int(bad.argmax())
            row = row if draw is None else int(draw.rows[row])
            raise UserError(f"{where} holds features with NaN or infinity, first in row {row}: remove such rows.")
        largest = max(largest, float(np.abs(given).max()))
        with np.errstate(over="ignore", invalid="ignore"):  # of what is too large, and refused below
            single = features[start : start + ROWS] = given.astype(np.float32)
            lost += float(np.square(given - single).sum())
            beyond = given - array[0].astype(np.float64)
            spread += np.stack([beyond.sum(0), np.square(beyond).sum(0)])
    if largest > 1 / SMALLEST or 0 < largest < SMALLEST:
        raise UserError(
            f"{where} holds features that reach {largest:.0e}: their squares cannot be computed: scale them."
        )
    mean, square = spread / len(array)
    _require_near_zero(float((square - mean**2).sum()) ** 0.5, (lost / len(array)) ** 0.5, where)
    notes = () if draw is None else (draw.note(where),)
    return Examples(None, torch.from_numpy(features), (), digest(contiguous(features)), notes=notes, draw=draw)


def _require_near_zero(spread: float, lost: float, where: str) -> None:
    """Refuse features so far from 0 that single precision rounds away what tells them apart.

    Args:
        spread: root of the summed variances of all components.
        lost: root mean square of what rounding takes from an example.
        where: they come from.
    """
    if lost > ROUNDED * spread > 0:
        raise UserError(
            f"{where} holds features that differ by {spread:.2g} and lie so far from 0 that single precision loses "
            f"{lost / spread:.0%} of that: subtract the mean of the data from both sides."
        )


def _images(pictures: Pictures, like: Examples | None, skip_damaged: bool, draw: Draw | None) -> Examples:
    size = channels = None
    if like is not None and like.images is not None:
        channels, size = like.images.shape[1], like.images.shape[3]
    found = gathered(pictures, size=size, channels=channels, skip_damaged=skip_damaged)
    notes = found.notes if draw is None else (draw.note(pictures.title), *found.notes)
    if found.greyed:
        notes += (f"Of the pictures in {pictures.title}, {found.greyed:,} are in colour: they are looked at in grey.",)
    if draw is not None and len(found.images) < len(draw.rows):
        whole = set(found.files)
        kept = [place for place, picture in enumerate(pictures.each) if picture.name in whole]
        draw = Draw(draw.rows[kept], draw.count)
    names = tuple(name.encode("utf-8", "replace").decode() for name in found.files)  # a file system may allow any bytes
    notes = tuple(note.encode("utf-8", "replace").decode() for note in notes)
    return Examples(found.images, None, names, found.fingerprint, found.resize, notes, draw=draw)
