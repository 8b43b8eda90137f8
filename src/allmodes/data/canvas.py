"""Where pictures of one size are laid, one after the other: in memory, or, where they are many, in a file.

The file has no name and goes with the process. The system brings in what is looked at and lets go of what is not, so
that a million pictures take the room of some.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core.files import cache_dir, writing
from ..core.memory import require_memory

HELD = 2**30  # bytes of pixels in memory; what is more lies in a file
GREY = 16  # levels that the channels of a grey picture may differ by, as formats that lose some make them


class Canvas:
    """Room for pictures of one size.

    Args:
        count: at most.
        side: of each, in pixels.
        channels: 1 for grey or 3 for colour; None for grey until one of colour comes.

    Attributes:
        greyed: how many pictures in colour were laid down in grey.

    Raises:
        UserError: one does not fit into memory, or all do not onto the disk of the cache folder.
    """

    def __init__(self, count: int, side: int, channels: int | None) -> None:
        require_memory(3 * side**2, f"Pictures of {side:,} x {side:,}")
        self.settled = channels is not None
        self._pixels = _room((count, channels or 1, side, side))
        self._laid = self.greyed = 0

    def add(self, tile: Image.Image) -> None:
        """Lay down the next picture, grey (``L``) or colour (``RGB``)."""
        if not self.settled and tile.mode != "L":
            self._colour()
        grey = self._pixels.shape[1] == 1
        self.greyed += grey and _is_coloured(tile)
        pixels = torch.from_numpy(np.array(tile.convert("L" if grey else "RGB")))
        self._pixels[self._laid] = pixels if grey else pixels.permute(2, 0, 1)
        self._laid += 1

    @property
    def images(self) -> Tensor:
        """All that were laid down, uint8 ``(n, C, side, side)``."""
        return self._pixels[: self._laid]

    def _colour(self) -> None:
        """Take grey pictures for coloured ones, which they are from now on."""
        self.settled, grey = True, self.images
        self._pixels = _room((len(self._pixels), 3, *grey.shape[2:]))
        self._pixels[: self._laid] = grey


def _is_coloured(tile: Image.Image) -> bool:
    """Whether anything in a picture is seen to have a colour."""
    return tile.mode != "L" and int(np.ptp(np.asarray(tile), axis=2).max()) > GREY


def _room(shape: tuple[int, ...]) -> Tensor:
    size = math.prod(shape)
    if size <= HELD:
        return torch.empty(shape, dtype=torch.uint8)
    folder = cache_dir()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if sys.platform == "linux":
                os.posix_fallocate(file.fileno(), 0, size)  # a disk that is full says so here
            file.truncate(size)
            lain = mmap.mmap(file.fileno(), size)
    return torch.from_numpy(np.frombuffer(lain, np.uint8)).view(shape)
