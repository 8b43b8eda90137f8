"""Squares cut from larger pictures as they are, without resizing: what super-resolution learns from."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from ..core.errors import UserError
from ..core.files import digest
from ..core.memory import require_memory
from ..core.seeding import stream
from .fixed import FixedImages, held_out
from .folders import some
from .images import open_pictures
from .pictures import check_size, stacked


class Patches(FixedImages):
    """Squares of one size, several of each picture, always at the same places.

    A picture that is held out is held out with all its squares.

    Args:
        path: a folder, a ``.zip``, or a ``.npy``/``.npz`` array of pictures, each at least as large as a square.
        size: side of the squares in pixels.
        each: squares that are cut from each picture.
        channels: 1 for grey or 3 for colour; by default grey if all pictures are.
        heldout: share of the pictures that is kept out of training.
        fold: which share.

    Raises:
        UserError: there are no pictures, some cannot be read or are smaller than a square, or the squares do not fit
            into memory.
    """

    name = "patches"

    def __init__(
        self,
        path: Path,
        *,
        size: int = 96,
        each: int = 8,
        channels: int | None = None,
        heldout: float = 0.0,
        fold: int = 0,
    ) -> None:
        if channels not in {None, 1, 3}:
            raise UserError(f"'data.channels' is {channels}, but must be 1 or 3.")
        if each < 1:
            raise UserError(f"'data.each' is {each}, but must be at least 1.")
        check_size(size)
        found = open_pictures(Path(path))
        require_memory(2 * 3 * len(found.each) * each * size**2, f"{found.title}: {len(found.each) * each:,} squares")
        if small := [picture.name for picture in found.each if min(picture.size()) < size]:
            raise UserError(
                f"{some(f'{found.title}/{name}' for name in small)} {'is' if len(small) == 1 else 'are'} smaller than "
                f"{size} x {size}: set data.size lower, or take them out."
            )
        tiles, identities = [], []
        for number, picture in enumerate(found.each):
            image = picture.image()
            identities.append(digest(picture.identity(image), str(image.size)))
            tiles += squares(image, size, each, number)
        grey = channels == 1 or (channels is None and all(tile.mode == "L" for tile in tiles))
        print_of = digest(*identities, f"{each} squares of {size}, {'grey' if grey else 'colour'}")
        super().__init__(stacked(tiles, "L" if grey else "RGB"), None, print_of)
        self.notes = found.notes
        out = held_out(len(found.each), heldout, fold)
        if out.any():
            rows = out.repeat_interleave(each)
            self.images, self.heldout = self.images[~rows], self.images[rows]
            self.heldout_names = tuple(
                found.each[int(place)].name or str(int(place)) for place in out.nonzero().flatten()
            )
            self.fingerprint = digest(print_of, f"held out {heldout}, fold {fold}")


def squares(image: Image.Image, size: int, each: int, number: int) -> list[Image.Image]:
    """So many squares of the picture of this number, at places of its own."""
    places = torch.rand(each, 2, generator=stream(0, "patches", number))
    room = torch.tensor([image.width - size + 1, image.height - size + 1])
    corners: list[list[int]] = (places * room).long().tolist()
    return [image.crop((left, top, left + size, top + size)) for left, top in corners]
