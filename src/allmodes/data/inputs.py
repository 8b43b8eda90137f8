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
from .images import Pictures, open_pictures, require_bright
from .palettes import Palette, Reading
from .pictures import HALF, FilePicture, Picture
from .pixels import to_float

HOLED = {2: "L", 4: "RGB"}  # how inputs with a hole are read, by their channels, of which one is where it is


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
            3 colour, and 2 and 4 are these with a hole where the picture is transparent.
        palette: the colours of labels, where inputs are label maps, of shape ``(h, w)``.

    Raises:
        UserError: there is none, one cannot be read, one has no transparent part where that is the hole, or colours
            that are no labels, or so few of its 16 bits that nothing is left in 8.
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
    elif shape[0] in HOLED:
        values = [_with_hole(picture, found.title, HOLED[shape[0]]) for picture in found.each]
    else:
        mode = "L" if shape[0] == 1 else "RGB"
        values = [_channels(picture.image().convert(mode)) for picture in found.each]
        require_bright(found.each, found.title)
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


def _with_hole(picture: Picture, title: str, mode: str) -> Tensor:
    """A picture that is mid-grey where it is transparent, and in one more channel 1 there and -1 elsewhere."""
    found = picture.cut_out()
    if found is None:
        raise UserError(
            f"{'/'.join(filter(None, (title, picture.name)))} has no transparent part: give pictures such as .png, and "
            "make the hole that is to be filled transparent."
        )
    mask = (torch.from_numpy(np.array(found.getchannel("A")))[None] < HALF).float()
    return torch.cat([_channels(found.convert("RGB").convert(mode)) * (1 - mask), 2 * mask - 1])
