"""Pictures one by one: opened when they are needed, as grey or colour of 8 bits, or refused with a reason."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin
from torch import Tensor

from ..core.errors import UserError
from .archives import Archive, reason
from .tars import Tars

GREY = frozenset({"1", "L"})
CLEAR = frozenset({"RGBA", "LA", "PA"})
HALF = 128  # of 255: what is less opaque counts as transparent
LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif"})
ORIENTATION, SIDEWAYS = 0x0112, frozenset({5, 6, 7, 8})  # how a camera was held (Exif 2.3, section 4.6.4)
MOST = 2**28  # bytes of a picture's file: more than any has, and less than what fills a machine
DIM = 128  # of 256 levels: the brightest of pictures of 16 bits below it means that they hold 15 at most

Pixels = NDArray[np.uint8]


class Damaged(UserError):
    """A picture that cannot be read.

    Args:
        source: the folder or archive.
        name: of the picture in it.
        why: in words.
    """

    def __init__(self, source: str, name: str, why: str) -> None:
        super().__init__(f"{source}/{name} is damaged or no image ({why}): replace it.")
        self.source = source
        self.name = name
        self.why = why


class Picture(ABC):
    """One image of a source, opened when it is needed.

    Attributes:
        name: of its file below the source; nothing for an array's.
        brightest: the highest level of a picture of more than 8 bits, in 8 bits; known once it was opened.
    """

    name: str = ""
    brightest: int | None = None

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Width and height."""

    @abstractmethod
    def image(self) -> Image.Image:
        """Grey (``L``) or colour (``RGB``); transparent pixels are white."""

    def cut_out(self) -> Image.Image | None:
        """In colour with its transparency (``RGBA``); None where no part of it is transparent."""
        return None

    def identity(self, image: Image.Image) -> bytes:
        """What tells it from others on any machine."""
        return image.tobytes()


class FilePicture(Picture):
    """A file of a folder, or of an archive, which is opened once for all of them.

    Raises:
        Damaged: by every method, if the picture cannot be read.
    """

    def __init__(self, source: Path, name: str, archive: Archive | Tars | None = None) -> None:
        self.source = source
        self.name = name
        self.archive = archive

    def identity(self, image: Image.Image) -> bytes:
        """The pixels, or the file of a format that no two versions of a decoder need to read alike."""
        return self._content() if Path(self.name).suffix.lower() in LOSSY else image.tobytes()

    def size(self) -> tuple[int, int]:
        with self._readable(), self._open() as image:
            width, height = image.size
            return (height, width) if image.getexif().get(ORIENTATION, 1) in SIDEWAYS else (width, height)

    def image(self) -> Image.Image:
        with self._readable():
            content = io.BytesIO(self._content())
            with Image.open(content) as image:
                deep = is_deep(image)
                flat = flattened(ImageOps.exif_transpose(image))
                if isinstance(image, PngImagePlugin.PngImageFile):
                    content.seek(0)
                    Image.open(content).verify()  # decoding does not look at the checksums
            self.brightest = int(np.asarray(flat).max()) if deep else None
            return flat

    def cut_out(self) -> Image.Image | None:
        with self._readable(), Image.open(io.BytesIO(self._content())) as image:
            if image.mode not in CLEAR and "transparency" not in image.info:
                return None
            found = ImageOps.exif_transpose(image).convert("RGBA")
            return found if int(np.asarray(found.getchannel("A")).min()) < HALF else None

    def _open(self) -> Image.Image:
        """For a look at the heading: of a folder's file, no more than that is read."""
        return Image.open(self.source / self.name if self.archive is None else io.BytesIO(self._content()))

    def _content(self) -> bytes:
        file = self.source / self.name
        size = file.stat().st_size if self.archive is None else self.archive.size(self.name)
        if size > MOST:
            raise ValueError(f"it takes {size / 2**30:,.1f} GiB, and no picture takes more than a quarter of one")
        return file.read_bytes() if self.archive is None else self.archive.read(self.name)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UserError:  # of the archive as a whole
            raise
        except Exception as error:  # decoders that meet damaged bytes raise nearly anything
            raise Damaged(str(self.source), self.name, reason(error)) from error


class PagePicture(Picture):
    """A page of an array, uint8 ``(h, w)`` or ``(h, w, 3)``."""

    def __init__(self, page: Pixels) -> None:
        self.page = page

    def size(self) -> tuple[int, int]:
        return self.page.shape[1], self.page.shape[0]

    def image(self) -> Image.Image:
        return Image.fromarray(self.page)


def is_deep(image: Image.Image) -> bool:
    """Whether a picture that was opened and not yet loaded holds more than 8 bits of anything."""
    return image.mode.startswith("I") or any(";16" in str(tile) for tile in getattr(image, "tile", ()))


def flattened(image: Image.Image) -> Image.Image:
    """Grey or colour of 8 bits, without transparency.

    Raises:
        ValueError: it holds floats, or whole numbers beyond 16 bits, whose range nobody states.
    """
    if image.mode.startswith("I"):  # convert() would cut off at 255 what goes to 65,535
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError("it holds numbers beyond 16 bits: save it with 8 or 16")
        return Image.fromarray((values >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("it holds floats: save it with 8 or 16 bits")
    if image.mode in CLEAR or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("L" if image.mode in GREY else "RGB")


def resized(image: Image.Image, side: int) -> Image.Image:
    """The central square at ``side`` x ``side``."""
    if image.size == (side, side):
        return image
    return image.resize((side, side), Image.Resampling.LANCZOS, box=central(image.size))


def central(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The central square of a width and a height: left, top, right, bottom."""
    width, height = size
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    return left, top, left + short, top + short


def stacked(tiles: Sequence[Image.Image], mode: str) -> Tensor:
    """Images of one size in mode ``L`` or ``RGB``, uint8 ``(n, C, H, W)``."""
    pixels = np.stack([np.asarray(tile.convert(mode)) for tile in tiles])
    return torch.from_numpy(pixels[:, None] if mode == "L" else pixels.transpose(0, 3, 1, 2).copy())


def check_size(size: int) -> None:
    """Raise a UserError for a side of too few pixels."""
    if size < 4:
        raise UserError(f"'data.size' is {size}, but must be at least 4.")
