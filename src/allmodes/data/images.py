"""Any images: a folder at any depth, a zip, tar archives, or an array in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from numpy.typing import ArrayLike
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest, require_plain
from ..core.memory import require_memory
from .archives import Archive
from .arrays import SUFFIXES as ARRAYS
from .arrays import as_array, read_array, read_pages
from .canvas import Canvas
from .fixed import FixedImages
from .folders import SUFFIXES, Listing, is_picture, is_there, listed, sifted, some
from .idx import is_idx
from .pictures import DIM, Damaged, FilePicture, PagePicture, Picture, check_size, resized
from .tars import SUFFIX, Tars

DEFAULT_SIZE = 64


@dataclass(frozen=True)
class Pictures:
    """The images of a source, not yet opened.

    Args:
        each: one after the other.
        title: what messages call the source.
        notes: what was left out, or how it was understood, in plain sentences.
        packed: whether they lie in an archive, which may have them in a folder of its own.
    """

    each: Sequence[Picture]
    title: str
    notes: tuple[str, ...] = ()
    packed: bool = False

    def some(self, rows: Sequence[int]) -> Pictures:
        """Those of these numbers alone."""
        return replace(self, each=[self.each[row] for row in rows])


@dataclass(frozen=True)
class Gathered:
    """Images of one square size.

    Args:
        images: uint8 ``(n, C, H, W)``, C 1 for grey or 3 for colour.
        files: the name of each below the folder or in the zip; none for an array.
        resize: how they were brought to their size, ``"none"`` if they are as they were.
        sizes: widths and heights of them before.
        fingerprint: hash of what they show.
        notes: what was left out, or how it was understood, in plain sentences.
        greyed: how many lost their colours, since grey was asked for.
    """

    images: Tensor
    files: tuple[str, ...]
    resize: str
    sizes: frozenset[tuple[int, int]]
    fingerprint: str
    notes: tuple[str, ...]
    greyed: int = 0


class Images(FixedImages):
    """Images of one square size, cropped at the centre and resized by Lanczos' filter where they are not.

    Of an animation, the first picture is taken.

    Args:
        path: a folder, a ``.zip``, or a ``.npy``/``.npz`` array (see :mod:`.arrays`).
        size: side in pixels; by default that of the images if they are all square and equal, else 64.
        channels: 1 for grey or 3 for colour; by default grey if all images are.
        heldout: share of the images that is kept out of training.
        fold: which share.
        skip_damaged: leave out what cannot be read, and say so.

    Attributes:
        files: the name of each image below the folder or in the zip; none for an array.
        resize: how images were brought to their size, ``"none"`` if they are as they were.

    Raises:
        UserError: there are no images, some cannot be read, or they do not fit into memory.
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
        skip_damaged: bool = False,
    ) -> None:
        if channels not in {None, 1, 3}:
            raise UserError(f"'data.channels' is {channels}, but must be 1 or 3.")
        check_size(DEFAULT_SIZE if size is None else size)
        found = gathered(open_pictures(Path(path)), size=size, channels=channels, skip_damaged=skip_damaged)
        require_memory(
            2 * found.images.numel(), f"{path}: {len(found.images):,} images of {found.images.shape[-1]} pixels"
        )
        self.files, self.resize, self.sizes, self.notes = found.files, found.resize, found.sizes, found.notes
        super().__init__(found.images, None, found.fingerprint, heldout=heldout, fold=fold)
        if self.files:
            self.heldout_names = tuple(self.files[int(place)] for place in self.heldout_names)


def open_pictures(path: Path) -> Pictures:
    """The images of a folder, a zip, a tar, a folder of tars, or an array, in the order of their names.

    Raises:
        UserError: there are none, or the source cannot be read.
    """
    if not is_there(path):
        raise UserError(f"{path} does not exist: give a folder, .zip, .npy or .npz of images, as in --data pictures/.")
    require_plain(path)
    if path.suffix.lower() in ARRAYS:
        return pictures_of(read_array(path), str(path))
    archive: Archive | Tars | None = None
    if path.is_dir():
        found = listed(path)
        if not found.names and (shards := sorted(path.glob(f"*{SUFFIX}"))):
            archive, found = _in_tars(shards)
    elif path.suffix.lower() == SUFFIX:
        archive, found = _in_tars([path])
    elif is_picture(path.name):
        raise UserError(f"{path} is a single picture: give the folder or zip that its data set is in.")
    else:
        archive, found = _in_archive(path)
    if not found.names:
        looked = f"looked for {', '.join(sorted(SUFFIXES))} at any depth"
        raise UserError(" ".join([f"There are no images in {path}: {looked}.", *found.notes]))
    each = [FilePicture(path, name, archive) for name in found.names]
    return Pictures(each, str(path), found.notes, archive is not None)


def _in_tars(paths: Sequence[Path]) -> tuple[Tars, Listing]:
    archive = Tars(paths)
    return archive, sifted(archive.names)


def _in_archive(path: Path) -> tuple[Archive, Listing]:
    if is_idx(path):
        raise UserError(
            f"{path} is an idx file, as those of MNIST are: save its images as a .npy array, uint8 [n, h, w], and "
            "give that."
        )
    try:
        archive = Archive(path)
    except UserError as error:
        raise UserError(f"{path} is neither a folder nor a zip nor an array of images: {error}") from error
    found = sifted(archive.names)
    for name in set(archive.names).difference(found.names):
        archive.require_intact(name)
    return archive, found


def pictures_of(array: ArrayLike | Tensor, title: str) -> Pictures:
    """The images of an array, see :mod:`.arrays`.

    Raises:
        UserError: it is of another type, shape or range.
    """
    pages = read_pages(as_array(array, title), title)
    notes = (f"{title} holds {pages.taken}, taken as from black to white.",) if pages.taken else ()
    return Pictures([PagePicture(page) for page in pages.pixels], title, notes)


def gathered(
    pictures: Pictures, *, size: int | None = None, channels: int | None = None, skip_damaged: bool = False
) -> Gathered:
    """Open all images and bring them to one size.

    Args:
        pictures: a source's, at least one.
        size: side in pixels; by default theirs, if they are all square and equal, else 64.
        channels: 1 for grey or 3 for colour; by default grey if all of them are.
        skip_damaged: leave out what cannot be read, and say so.

    Raises:
        UserError: some cannot be read, or they are too many, too small or too dark.
    """
    whole, sizes, damaged = _looked_at(pictures.each)
    side = size or common_side(sizes) or DEFAULT_SIZE
    check_size(side)
    canvas = Canvas(len(whole), side, channels)
    files, identities, seen = [], [], []
    for picture in whole:
        try:
            image = picture.image()
            identities.append(digest(picture.identity(image), str(image.size)))
        except Damaged as error:
            damaged.append(error)
            continue
        canvas.add(resized(image, side))
        seen.append(image.size)
        files.append(picture.name)
    notes = (*pictures.notes, *_without(damaged, pictures, skip_damaged))
    require_bright(whole, pictures.title)
    if size is None and damaged and (common := common_side(seen) or DEFAULT_SIZE) != side:
        kept = [picture for picture in whole if picture.name in set(files)]
        return gathered(Pictures(kept, pictures.title, notes), size=common, channels=channels)
    images = canvas.images
    resize = "none" if set(seen) == {(side, side)} else f"central square, Lanczos to {side} x {side}"
    print_of, names = digest(*identities, str(tuple(images.shape))), tuple(name for name in files if name)
    return Gathered(images, names, resize, frozenset(seen), print_of, notes, canvas.greyed)


def _looked_at(pictures: Sequence[Picture]) -> tuple[list[Picture], list[tuple[int, int]], list[Damaged]]:
    """The pictures whose heading can be read, their sizes, and what is wrong with the others."""
    whole, sizes, damaged = [], [], []
    for picture in pictures:
        try:
            sizes.append(picture.size())
            whole.append(picture)
        except Damaged as error:
            damaged.append(error)
    return whole, sizes, damaged


def common_side(sizes: Sequence[tuple[int, int]]) -> int | None:
    """The side of images that are all square and equal."""
    first = sizes[0] if sizes else (0, 1)
    return first[0] if first[0] == first[1] and set(sizes) == {first} else None


def _without(damaged: Sequence[Damaged], pictures: Pictures, skip: bool) -> tuple[str, ...]:
    """The note that names what is left out.

    Raises:
        UserError: something is damaged and not to be left out, or nothing is whole.
    """
    if not damaged:
        return ()
    one = len(damaged) == 1
    what = "is damaged or no image" if one else "are damaged or no images"
    named = some(f"{pictures.title}/{error.name} ({error.why})" for error in sorted(damaged, key=lambda e: e.name))
    if len(damaged) == len(pictures.each):
        raise UserError(f"{named} {what}: nothing is left of {pictures.title}.")
    if not skip:
        raise UserError(
            f"{named} {what}: replace {'it' if one else 'them'}, or leave {'it' if one else 'them'} out with "
            "--skip-damaged (in training --data.skip_damaged true)."
        )
    return (f"{len(damaged):,} of {len(pictures.each):,} pictures left out: {named} {what}.",)


def require_bright(pictures: Sequence[Picture], title: str) -> None:
    """Refuse pictures of 16 or 32 bits that hold fewer: in 8 bits nothing would be left of them."""
    deep = [picture for picture in pictures if picture.brightest is not None]
    if deep and (top := max(picture.brightest or 0 for picture in deep)) < DIM:
        raise UserError(
            f"Of the pictures in {title}, {len(deep):,} hold more than 8 bits, the first {deep[0].name}, and none of "
            f"these reaches {(top + 1) << 8:,} of 65,535: stretch them to that range, or save them with 8 bits."
        )
