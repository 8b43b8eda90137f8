"""Any images: a folder at any depth, a zip, or an array on disk."""

from __future__ import annotations

import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.memory import require_memory
from .fixed import FixedImages

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff"})
GREY = frozenset({"1", "L"})
LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
CLEAR = frozenset({"RGBA", "LA", "PA"})
DEFAULT_SIZE = 64
ORIENTATION, SIDEWAYS = 0x0112, frozenset({5, 6, 7, 8})  # how a camera was held (Exif 2.3, section 4.6.4)
DAMAGE = (OSError, SyntaxError, ValueError, zipfile.BadZipFile, Image.DecompressionBombError)

Pixels = NDArray[np.uint8]


class Images(FixedImages):
    """Images of one square size, cropped at the centre and resized by Lanczos' filter where they are not.

    Of an animation, the first picture is taken.

    Args:
        path: a folder, a ``.zip``, or a ``.npy``/``.npz`` array ``[n, h, w]`` or ``[n, h, w, c]`` of uint8.
        size: side in pixels; by default that of the images if they are all square and equal, else 64.
        channels: 1 for grey or 3 for colour; by default grey if all images are.
        heldout: share of the images that is kept out of training.
        fold: which share.

    Attributes:
        files: the name of each image below the folder or in the zip; none for an array.
        resize: how images were brought to their size, ``"none"`` if they are as they were.

    Raises:
        UserError: there are no images, one cannot be read, or they do not fit into memory.
    """

    name = "images"

    def __init__(
        self,
        path: Path,
        *,
        size: int | None = None,
        channels: int | None = None,
        heldout: float = 0.0,
        fold: int = 0,
    ) -> None:
        if channels not in {None, 1, 3}:
            raise UserError(f"'data.channels' is {channels}, but must be 1 or 3.")
        check_size(DEFAULT_SIZE if size is None else size)
        pictures = open_pictures(Path(path))
        side = size or common_side(pictures) or DEFAULT_SIZE
        check_size(side)
        tiles_and_stack = 2 * 3 * len(pictures) * side**2
        require_memory(tiles_and_stack, f"{path}: {len(pictures):,} images of {side} x {side}")
        tiles, sizes, identities = [], set(), []
        for picture in pictures:
            image = picture.image()
            sizes.add(image.size)
            tiles.append(resized(image, side))
            identities.append(digest(picture.identity(image), str(image.size)))
        self.files = tuple(picture.name for picture in pictures if isinstance(picture, FilePicture))
        self.resize = "none" if sizes == {(side, side)} else f"central square, Lanczos to {side} x {side}"
        grey = channels == 1 or (channels is None and all(tile.mode == "L" for tile in tiles))
        images = stacked(tiles, "L" if grey else "RGB")
        super().__init__(images, None, digest(*identities, str(tuple(images.shape))), heldout=heldout, fold=fold)


class Picture(ABC):
    """One image of a source, opened when it is needed."""

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Width and height."""

    @abstractmethod
    def image(self) -> Image.Image:
        """Grey (``L``) or colour (``RGB``); transparent pixels are white."""

    def identity(self, image: Image.Image) -> bytes:
        """What tells it from others on any machine."""
        return image.tobytes()


class FilePicture(Picture):
    """A file of a folder, or of a zip archive, which is opened once for all of them."""

    def __init__(self, source: Path, name: str, archive: zipfile.ZipFile | None = None) -> None:
        self.source = source
        self.name = name
        self.archive = archive

    def identity(self, image: Image.Image) -> bytes:
        """The pixels, or the file of a format that no two versions of a decoder need to read alike."""
        if Path(self.name).suffix.lower() not in LOSSY:
            return image.tobytes()
        return (self.source / self.name).read_bytes() if self.archive is None else self.archive.read(self.name)

    def _open(self) -> Image.Image:
        if self.archive is None:
            return Image.open(self.source / self.name)
        return Image.open(io.BytesIO(self.archive.read(self.name)))

    def size(self) -> tuple[int, int]:
        with self._readable(), self._open() as image:
            width, height = image.size
            return (height, width) if image.getexif().get(ORIENTATION, 1) in SIDEWAYS else (width, height)

    def image(self) -> Image.Image:
        with self._readable(), self._open() as image:
            return flattened(ImageOps.exif_transpose(image))

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            raise UserError(f"{self.source}/{self.name} is damaged or no image ({error}): replace it.") from error


class PagePicture(Picture):
    """A page of an array."""

    def __init__(self, page: Pixels) -> None:
        self.page = page

    def size(self) -> tuple[int, int]:
        return self.page.shape[1], self.page.shape[0]

    def image(self) -> Image.Image:
        return Image.fromarray(self.page)


def open_pictures(path: Path) -> Sequence[Picture]:
    """The images of a folder, a zip or an array, in the order of their names.

    Raises:
        UserError: there are none, or the source cannot be read.
    """
    if path.suffix.lower() in {".npy", ".npz"}:
        return [PagePicture(page) for page in read_array(path)]
    if is_picture(path) and path.is_file():
        raise UserError(f"{path} is a single picture: give the folder or zip that its data set is in.")
    archive = None
    try:
        if path.is_dir():
            names = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
        else:
            archive = zipfile.ZipFile(path)
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is neither a folder nor a zip nor an array of images ({error}).") from error
    found = sorted(name for name in names if is_picture(Path(name)))
    if not found:
        raise UserError(f"There are no images in {path}: looked for {', '.join(sorted(SUFFIXES))} at any depth.")
    return [FilePicture(path, name, archive) for name in found]


def is_picture(name: Path) -> bool:
    """Whether a name below a folder or in a zip is that of an image, and not of what macOS notes down beside it."""
    return name.suffix.lower() in SUFFIXES and not name.name.startswith("._") and "__MACOSX" not in name.parts


def read_array(path: Path) -> Pixels:
    """A uint8 array ``[n, h, w]`` or ``[n, h, w, 3]`` from ``.npy``, or from an ``.npz`` its only one or ``images``.

    Raises:
        UserError: it cannot be read, is of another type or shape, or is one of several.
    """
    try:
        found = np.load(path, allow_pickle=False)
        array = found if isinstance(found, np.ndarray) else found[_named(found.files, path)]
    except (OSError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        reasons = {IndexError: "it holds nothing", ValueError: "it is cut off, or holds no numbers"}
        raise UserError(f"{path} cannot be read as an array ({reasons.get(type(error), error)}).") from error
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.dtype != np.uint8 or not (array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3)) or len(array) < 1:
        shape = " x ".join(map(str, array.shape))
        raise UserError(f"{path} holds {array.dtype} of shape {shape}: give uint8 [n, h, w] or [n, h, w, 3].")
    return np.asarray(array)


def _named(names: Sequence[str], path: Path) -> str:
    if len(names) > 1 and "images" not in names:
        raise UserError(f"{path} holds several arrays ({', '.join(names)}): name that of the images 'images'.")
    return "images" if "images" in names else names[0]


def common_side(pictures: Sequence[Picture]) -> int | None:
    """The side of the images if all are square and equal."""
    width, height = pictures[0].size()
    return width if width == height and all(p.size() == (width, height) for p in pictures) else None


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
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    return image.resize((side, side), Image.Resampling.LANCZOS, box=(left, top, left + short, top + short))


def stacked(tiles: Sequence[Image.Image], mode: str) -> Tensor:
    """Images of one size in mode ``L`` or ``RGB``, uint8 ``(n, C, H, W)``."""
    pixels = np.stack([np.asarray(tile.convert(mode)) for tile in tiles])
    return torch.from_numpy(pixels[:, None] if mode == "L" else pixels.transpose(0, 3, 1, 2).copy())


def check_size(size: int) -> None:
    """Raise a UserError for a side of too few pixels."""
    if size < 4:
        raise UserError(f"'data.size' is {size}, but must be at least 4.")
