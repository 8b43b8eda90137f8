"""Fronts of houses and their layouts (CMP facades: Tylecek & Sara 2013), paired as by Isola et al. (2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from .collection import Collection, picture
from .paired import PairedImages
from .palettes import FAR, Palette
from .pictures import check_size, resized, stacked
from .pixels import to_float

FACADES = Collection(
    "facades",
    r"(?:train|val|test)/\d+\.jpg",
    "0732208140392f16f1ec124e669a95b0414b1b06ada463c6c164a05a0450c049",
    ("https://codeload.github.com/TimNiklasWitte/Pix2Pix-Facades/zip/9eb090e92792fe3ee0f1b7224d67782a73fcdbc1",),
)
SIDE = 256  # of each half
LAYOUT = {
    "background": "#0000de",
    "wall": "#0030ff",
    "window": "#0080ff",
    "door": "#00cfff",
    "cornice": "#20ffe0",
    "sill": "#70ff8f",
    "balcony": "#bfff40",
    "blind": "#ffef00",
    "decoration": "#ff9f00",
    "moulding": "#ff5000",
    "pillar": "#ff0000",
    "shop": "#ae0000",
}


class Facades(PairedImages):
    """400 photographs of fronts, and what is a wall, a window, a door, ... of them as label maps of twelve colours.

    The maps were kept as JPEG: each pixel is of the label whose colour is nearest. Those of ``test/`` are the test
    split; those of ``val/`` are left out.

    Args:
        path: folder of ``train/``, ``val/`` and ``test/``, or a zip of it; by default ``$ALLMODES_DATA/facades``, then
            downloaded.
        size: side in pixels, of at most 256.
        heldout: share of the training pairs that is kept out of training.
        fold: which share.

    Raises:
        UserError: the files cannot be had, or the size is too small or too large.
    """

    name = "facades"

    def __init__(self, *, path: Path | None = None, size: int = 64, heldout: float = 0.0, fold: int = 0) -> None:
        check_size(size)
        if size > SIDE:
            raise UserError(f"'data.size' is {size}, but the photographs of facades have {SIDE} pixels: set it lower.")
        files, palette = FACADES.read(path), Palette(tuple(LAYOUT.values()))
        train, self._test = (_halves(files, split, palette, size) for split in ("train", "test"))
        self.notes = (
            f"Label maps of facades are JPEG: each pixel is taken for the nearest of {len(palette)} colours, and "
            f"{train.far:.1%} of them are farther than {FAR:.0f} levels from all of these.",
        )
        print_of = digest(FACADES.sha256, str(size))
        super().__init__(train.photographs, train.layouts, print_of, palette=palette, heldout=heldout, fold=fold)

    @property
    def test_images(self) -> Tensor:
        return to_float(self._test.photographs)

    @property
    def test_inputs(self) -> Tensor:
        return self._test.layouts


@dataclass(frozen=True)
class Halves:
    """The pictures of a split, taken apart.

    Args:
        photographs: uint8 ``(n, 3, size, size)``.
        layouts: uint8 ``(n, size, size)``.
        far: share of pixels whose colour is far from all of the palette.
    """

    photographs: Tensor
    layouts: Tensor
    far: float


def _halves(files: Mapping[str, bytes], split: str, palette: Palette, size: int) -> Halves:
    """A photograph on the left, its label map on the right of each picture."""
    names = sorted((name for name in files if name.startswith(f"{split}/")), key=lambda name: int(Path(name).stem))
    photographs, layouts, far = [], [], 0
    for name in names:
        both = picture(files[name])
        photographs.append(resized(both.crop((0, 0, SIDE, SIDE)), size))
        labels = palette.labels(both.crop((SIDE, 0, 2 * SIDE, SIDE)))
        layouts.append(labels.image.resize((size, size), Image.Resampling.NEAREST))
        far += labels.far
    return Halves(stacked(photographs, "RGB"), stacked(layouts, "L")[:, 0], far / (len(names) * SIDE**2))
