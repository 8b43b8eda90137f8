"""Label maps: pictures of few colours, each of which stands for a label.

A lossless picture has the colours of its palette and no other. JPEG blurs them: there each pixel is taken for the
colour that is nearest to it, as the eye does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageColor
from torch import Tensor

from ..core.errors import UserError
from .folders import some
from .pictures import LOSSY, Picture
from .pixels import to_float

MOST = 256  # labels of a palette
FAR = 48.0  # levels from a colour, Euclidean, up to which a blurred pixel is plainly of it


@dataclass(frozen=True)
class Palette:
    """The colours of labels.

    Args:
        colours: of label 0, 1, ..., as ``"#rrggbb"``.

    Raises:
        UserError: one is no colour, two are the same, or there are fewer than two or more than 256.
    """

    colours: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 2 <= len(self.colours) <= MOST:
            has = f"{len(self.colours)} colour{'s' * (len(self.colours) != 1)}"
            raise UserError(f"'data.palette' has {has}, but must have from 2 to {MOST}.")
        codes = self._codes().tolist()
        twice = {colour for colour, code in zip(self.colours, codes, strict=True) if codes.count(code) > 1}
        if twice:
            raise UserError(f"'data.palette' has {some(sorted(twice))} twice: give each label a colour of its own.")

    def __len__(self) -> int:
        return len(self.colours)

    def _codes(self) -> NDArray[np.int64]:
        """Each colour as one number."""
        try:
            found = [ImageColor.getrgb(colour)[:3] for colour in self.colours]
        except ValueError as error:
            raise UserError(f"'data.palette': {error}: write colours as '#ff8000'.") from error
        return _code(np.array(found))

    def labels(self, image: Image.Image) -> Labels:
        """The label of each pixel: of the nearest colour, the first of several.

        Args:
            image: grey (``L``) or colour (``RGB``).
        """
        codes, where = np.unique(_code(np.asarray(image.convert("RGB"))), return_inverse=True)
        apart = np.square(_levels(codes)[:, None] - _levels(self._codes())[None]).sum(2)
        nearest, squared = apart.argmin(1), apart.min(1)
        pixels = np.bincount(where.ravel(), minlength=len(codes))
        strange = codes[squared > 0]
        return Labels(
            Image.fromarray(nearest.astype(np.uint8)[where].reshape(image.height, image.width)),
            int(pixels[squared > FAR**2].sum()),
            f"#{int(strange[0]):06x}" if len(strange) else None,
        )

    def pictures(self, labels: Tensor) -> Tensor:
        """Label maps, int64 ``(n, h, w)``, in their colours, float in [-1, 1], ``(n, 3, h, w)``."""
        colours = to_float(torch.from_numpy(_levels(self._codes()).astype(np.uint8)))
        return colours[labels.cpu()].movedim(-1, 1)


@dataclass(frozen=True)
class Labels:
    """The labels of a picture.

    Args:
        image: the label of each pixel, ``L``.
        far: pixels whose colour is farther than 48 levels from all of the palette.
        strange: a colour of the picture that the palette has not, if there is one.
    """

    image: Image.Image
    far: int
    strange: str | None


def palette_of(pictures: Iterable[Picture], title: str) -> Palette:
    """All colours of some label maps, in the order of red, then green, then blue.

    Raises:
        UserError: they are blurred, as JPEG is, or have too many colours, or only one.
    """
    found = np.zeros(0, np.int64)
    for picture in pictures:
        if is_lossy(picture):
            raise UserError(
                f"{title}/{picture.name} has colours that compression blurred: give those of the labels, as in "
                "--data.palette \"['#000000', '#ff8000']\", or label maps as .png."
            )
        found = np.union1d(found, _code(np.asarray(picture.image().convert("RGB"))))
        if len(found) > MOST:
            raise UserError(
                f"The label maps in {title} have more than {MOST} colours, seen by {picture.name}: give pictures in "
                "which each label has one colour, or leave out 'data.palette' if they are no label maps."
            )
    if len(found) < 2:
        raise UserError(f"The label maps in {title} have one colour only: leave out 'data.palette', or give others.")
    return Palette(tuple(f"#{code:06x}" for code in found.tolist()))


class Reading:
    """Label maps of a source as they are read, one after the other: exact where lossless, else the nearest colours.

    Args:
        palette: of them.
        title: what messages call the source.
    """

    def __init__(self, palette: Palette, title: str) -> None:
        self.palette, self.title = palette, title
        self.far, self.total, self.strange = 0, 0, list[str]()

    def take(self, picture: Picture, image: Image.Image) -> Image.Image:
        """The label of each pixel of a picture that was just opened as ``image``, ``L``.

        Raises:
            UserError: it has more than 8 bits.
        """
        if picture.brightest is not None:
            raise UserError(f"{self.title}/{picture.name} has more than 8 bits: save label maps with 8.")
        found = self.palette.labels(image)
        if is_lossy(picture):
            self.far, self.total = self.far + found.far, self.total + image.width * image.height
        elif found.strange is not None:
            self.strange.append(f"{picture.name} ({found.strange})" if picture.name else found.strange)
        return found.image

    def notes(self) -> tuple[str, ...]:
        """How they were understood, in plain sentences.

        Raises:
            UserError: lossless ones have colours that the palette has not.
        """
        if self.strange:
            raise UserError(
                f"Label maps in {self.title} have colours that the palette has not: {some(self.strange)}. Give them "
                f"those of labels, which are {some(self.palette.colours)}."
            )
        note = (
            f"Label maps in {self.title} are compressed: each pixel is taken for the nearest colour of the palette, "
            f"and {self.far:,} of {self.total:,} ({self.far / max(self.total, 1):.1%}) are farther than "
            f"{FAR:.0f} levels from all of them."
        )
        return (note,) if self.total else ()


def is_lossy(picture: Picture) -> bool:
    """Whether a picture's colours are those that compression left of it, by the ending of its file."""
    return picture.name.lower().endswith(tuple(LOSSY))


def _code(colours: NDArray[np.generic]) -> NDArray[np.int64]:
    """Colours ``(..., 3)`` as one number each."""
    parts: NDArray[np.int64] = colours.astype(np.int64)
    return parts[..., 0] << 16 | parts[..., 1] << 8 | parts[..., 2]


def _levels(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The other way round, ``(n, 3)``."""
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1)
