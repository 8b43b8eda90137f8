"""Inputs that a user gives a trained conditional generator: pictures, as they are, each at its own size."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.errors import UserError
from .folders import is_picture, is_there
from .images import Pictures, open_pictures
from .palettes import Palette, Reading
from .pictures import CLEAR, FilePicture
from .pixels import to_float

HOLE = 4  # channels of an input with a hole: colours, and where it is


@dataclass(frozen=True)
class Input:
    """One of them.

    Args:
        name: of its file, without its ending where that tells it from the others; its number if it has none.
        values: of a picture, ``(D, h, w)`` in [-1, 1]; of a label map, int64 ``(h, w)``.
    """

    name: str
    values: Tensor


def read_inputs(path: Path, shape: tuple[int, ...], palette: Palette | None = None) -> list[Input]:
    """A picture, or all pictures of a folder, zip or array, as inputs.

    Args:
        path: of the picture or of the source.
        shape: of the inputs that the generator was trained with, ``(D, h, w)``: D says how they are read. 1 is grey,
            3 colour, and 4 colour with a hole where the picture is transparent.
        palette: the colours of labels, where inputs are label maps, of shape ``(h, w)``.

    Raises:
        UserError: there is none, one cannot be read, one has no transparent part where that is the hole, or colours
            that are no labels.
    """
    if not is_there(path):
        raise UserError(f"{path} does not exist: give a picture, or a folder of pictures, with --inputs.")
    if path.is_file() and is_picture(path.name):
        found = Pictures([FilePicture(path.parent, path.name)], str(path.parent))
    else:
        found = open_pictures(path)
    names = [Path(picture.name).stem or f"{number:05d}" for number, picture in enumerate(found.each)]
    if len(set(names)) < len(names):  # of several folders, or endings
        names = [picture.name.replace("/", "-") for picture in found.each]
    if palette is not None:
        values = _labels(found, palette)
    elif shape[0] == HOLE:
        if not all(isinstance(picture, FilePicture) for picture in found.each):
            raise UserError(f"{path} has no transparency: give pictures whose hole is transparent, as .png has them.")
        values = [_with_hole(path if path.is_dir() else path.parent, picture.name) for picture in found.each]
    else:
        mode = "L" if shape[0] == 1 else "RGB"
        values = [_channels(picture.image().convert(mode)) for picture in found.each]
    return [Input(name, value) for name, value in zip(names, values, strict=True)]


def _labels(found: Pictures, palette: Palette) -> list[Tensor]:
    """Label maps, int64 ``(h, w)``. How blurred ones were understood is said on stderr."""
    reading = Reading(palette, found.title)
    maps = [reading.take(picture, picture.image()) for picture in found.each]
    for note in reading.notes():
        print(f"note: {note}", file=sys.stderr)
    return [torch.from_numpy(np.array(labels)).long() for labels in maps]


def _channels(image: Image.Image) -> Tensor:
    """``(C, h, w)`` in [-1, 1]."""
    pixels = torch.from_numpy(np.array(image))
    return to_float(pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1))


def _with_hole(folder: Path, name: str) -> Tensor:
    """Colours that are mid-grey where the picture is transparent, and 1 there and -1 elsewhere, ``(4, h, w)``."""
    with Image.open(folder / name) as image:
        if image.mode not in CLEAR and "transparency" not in image.info:
            raise UserError(f"{folder / name} has no transparent part: make the hole that is to be filled transparent.")
        pixels = torch.from_numpy(np.array(image.convert("RGBA"))).permute(2, 0, 1)
    mask = (pixels[3:] < 128).float()
    return torch.cat([to_float(pixels[:3]) * (1 - mask), 2 * mask - 1])
