"""Pairs of pictures from two folders: what is given, and what is wanted of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from PIL import Image
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.memory import require_memory
from .folders import is_there, some
from .images import DEFAULT_SIZE, Pictures, common_side, open_pictures, require_bright
from .paired import PairedImages
from .palettes import Palette, Reading, palette_of
from .pictures import Damaged, Picture, central, check_size, stacked

Size = tuple[int, int]


class Pairs(PairedImages):
    """Pictures and their inputs, paired by their names without endings: ``a.jpg`` with ``a.png``.

    Both are cropped to the central square and resized, pictures by Lanczos' filter, label maps by taking the nearest
    pixel. Inputs are as large as targets, or all of them smaller by one factor of 2, 4, 8, ...

    Args:
        inputs: a folder, a ``.zip``, or a ``.npy``/``.npz`` array (see :mod:`.arrays`) of what is given.
        targets: one of what is wanted. Two arrays are paired by their order.
        size: side of targets in pixels; by default that of targets if they are all square and equal, else 64.
        palette: for inputs that are label maps, the colour of label 0, 1, ..., as in ``['#000000', '#ff8000']``, or
            ``auto`` for all colours that they have.
        heldout: share of the pairs that is kept out of training.
        fold: which share.

    Raises:
        UserError: they do not pair, some cannot be read, or sizes or colours do not fit.
    """

    name = "pairs"

    def __init__(
        self,
        inputs: Path,
        targets: Path,
        *,
        size: int | None = None,
        palette: Literal["auto"] | list[str] | None = None,
        heldout: float = 0.0,
        fold: int = 0,
    ) -> None:
        check_size(DEFAULT_SIZE if size is None else size)
        pairing = _paired(_source(Path(inputs), "inputs"), _source(Path(targets), "targets"))
        given, wanted = pairing.inputs, pairing.targets
        before = _sizes(wanted)
        factor = _factor(given, wanted, _sizes(given), before)
        side = size or common_side(before) or DEFAULT_SIZE
        if side % factor:
            raise UserError(f"'data.size' is {side}, but inputs are {factor} times smaller: set it to a multiple.")
        require_memory(2 * 2 * 3 * len(before) * side**2, f"{len(before):,} pairs of {side} x {side}")
        answers, asked = _opened(wanted, lambda _, image: _square(image, side)), _asked(given, palette, side, factor)
        self.notes, self.sizes = (*given.notes, *wanted.notes, *asked.notes), frozenset(before)
        print_of = digest(asked.fingerprint, answers.fingerprint)
        super().__init__(answers.images, asked.images, print_of, palette=asked.palette, heldout=heldout, fold=fold)
        if wanted.each[0].name:
            self.heldout_names = tuple(wanted.each[int(place)].name for place in self.heldout_names)


@dataclass(frozen=True)
class Pairing:
    """Sources of which each picture is the partner of the one at its place in the other.

    Args:
        inputs: what is given.
        targets: what is wanted.
    """

    inputs: Pictures
    targets: Pictures


@dataclass(frozen=True)
class Opened:
    """Pictures of one size.

    Args:
        images: uint8 ``(n, C, h, w)``, C 1 where all are grey, else 3; label maps ``(n, h, w)``.
        fingerprint: hash of what they show.
        palette: of label maps.
        notes: how they were understood, in plain sentences.
    """

    images: Tensor
    fingerprint: str
    palette: Palette | None = None
    notes: tuple[str, ...] = ()


def _source(path: Path, field: str) -> Pictures:
    """One side of the pairs.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if not is_there(path):
        raise UserError(f"{path} does not exist: name the folder, zip or array of {field} with --data.{field}.")
    return open_pictures(path)


def _asked(given: Pictures, palette: Literal["auto"] | Sequence[str] | None, side: int, factor: int) -> Opened:
    """The inputs of targets of ``side`` pixels, as pictures or as label maps."""
    if palette is None:
        return _opened(given, lambda _, image: _square(image, side // factor, factor))
    colours = palette_of(given.each, given.title) if palette == "auto" else Palette(tuple(palette))
    reading, nearest = Reading(colours, given.title), Image.Resampling.NEAREST
    found = _opened(given, lambda *each: _square(reading.take(*each), side // factor, factor, nearest))
    return replace(found, images=found.images[:, 0], palette=colours, notes=reading.notes())


def _opened(pictures: Pictures, tile: Callable[[Picture, Image.Image], Image.Image]) -> Opened:
    """Every picture opened once, and what ``tile`` makes of it.

    Raises:
        UserError: some cannot be read.
    """
    tiles, identities, damaged = [], [], []
    for picture in pictures.each:
        try:
            image = picture.image()
        except Damaged as error:
            damaged.append(error)
            continue
        identities.append(digest(picture.identity(image), str(image.size)))
        tiles.append(tile(picture, image))
    _require_whole(damaged, pictures)
    require_bright(pictures.each, pictures.title)
    images = stacked(tiles, "L" if all(tile.mode == "L" for tile in tiles) else "RGB")
    return Opened(images, digest(*identities, str(tuple(images.shape))))


def _square(
    image: Image.Image, side: int, factor: int = 1, how: Image.Resampling = Image.Resampling.LANCZOS
) -> Image.Image:
    """What lies in the central square of a picture ``factor`` times as large, at ``side`` x ``side``."""
    if image.size == (side, side):
        return image
    left, top, right, bottom = central((image.width * factor, image.height * factor))
    return image.resize((side, side), how, box=(left / factor, top / factor, right / factor, bottom / factor))


def _sizes(pictures: Pictures) -> list[Size]:
    """Widths and heights.

    Raises:
        UserError: some cannot be read.
    """
    sizes, damaged = [], []
    for picture in pictures.each:
        try:
            sizes.append(picture.size())
        except Damaged as error:
            damaged.append(error)
    _require_whole(damaged, pictures)
    return sizes


def _require_whole(damaged: Sequence[Damaged], pictures: Pictures) -> None:
    if damaged:
        named = some(f"{pictures.title}/{error.name} ({error.why})" for error in damaged)
        what = "is damaged or no image: replace it" if len(damaged) == 1 else "are damaged or no images: replace them"
        raise UserError(f"{named} {what}, or leave out the whole pair.")


def _factor(given: Pictures, wanted: Pictures, inside: Sequence[Size], outside: Sequence[Size]) -> int:
    """How many times larger targets are than inputs: 1, 2, 4, ...

    Raises:
        UserError: some are not, or not all by one factor.
    """
    found: dict[int, int] = {}  # factor: the first that has it
    wrong = []
    for place, (small, large) in enumerate(zip(inside, outside, strict=True)):
        factor = large[0] // small[0]
        if factor & (factor - 1) or (factor * small[0], factor * small[1]) != large:
            wrong.append(f"{_named(given, place)} ({small[0]} x {small[1]}, of {large[0]} x {large[1]})")
        found.setdefault(factor, place)
    if wrong:
        raise UserError(
            f"Inputs must be as large as their targets, or 2, 4, 8, ... times smaller on both sides, and these are "
            f"not: {some(wrong)}."
        )
    if len(found) > 1:
        each = (f"{factor} times in {_named(given, place)}" for factor, place in sorted(found.items()))
        raise UserError(f"Inputs must all be smaller than their targets by one factor, but it is {some(each)}.")
    return next(iter(found))


def _named(pictures: Pictures, place: int) -> str:
    return pictures.each[place].name or f"number {place}"


def _paired(inputs: Pictures, targets: Pictures) -> Pairing:
    """Pictures of the same name, in the order of the names; those of two arrays by their order.

    Raises:
        UserError: some have no partner, or names are not told apart.
    """
    if not inputs.each[0].name and not targets.each[0].name:
        if len(inputs.each) != len(targets.each):
            raise UserError(
                f"{inputs.title} holds {len(inputs.each):,} inputs and {targets.title} {len(targets.each):,} targets: "
                "give as many of both."
            )
        return Pairing(inputs, targets)
    if not inputs.each[0].name or not targets.each[0].name:
        array, other = (targets, inputs) if inputs.each[0].name else (inputs, targets)
        raise UserError(f"{array.title} is an array, whose pictures have no names as those in {other.title}: give two.")
    given, wanted = _by_name(inputs), _by_name(targets)
    alone = [
        f"{side.title} has {some(name for name in mine if name not in theirs)} alone"
        for side, mine, theirs in ((inputs, given, wanted), (targets, wanted, given))
        if mine.keys() - theirs.keys()
    ]
    if alone:
        raise UserError(f"{' and '.join(alone)}: each picture needs a partner of the same name in the other folder.")
    names = sorted(given)
    return Pairing(
        replace(inputs, each=[given[name] for name in names]), replace(targets, each=[wanted[name] for name in names])
    )


def _by_name(pictures: Pictures) -> dict[str, Picture]:
    """By the name below the source without its ending, nor the folder that is all of an archive.

    Raises:
        UserError: two have the same.
    """
    paths = [PurePosixPath(picture.name).with_suffix("") for picture in pictures.each]
    if pictures.packed and len({path.parts[0] for path in paths}) == 1 and min(len(path.parts) for path in paths) > 1:
        paths = [path.relative_to(path.parts[0]) for path in paths]
    names = [str(path) for path in paths]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{pictures.title} has several pictures called {some(twice)}: keep one of each.")
    return dict(zip(names, pictures.each, strict=True))
