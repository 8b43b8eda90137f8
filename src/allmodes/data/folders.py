"""Which files of a folder or an archive are its pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..core.errors import UserError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff"}
)
UNREAD = frozenset(
    {".heic", ".heif", ".jxl", ".jp2", ".j2k", ".tga", ".psd", ".exr", ".hdr", ".svg", ".dng", ".cr2", ".nef", ".arw"}
)  # pictures, too
NOTED = frozenset({"@eadir", "__macosx", "$recycle.bin"})  # what systems lay beside pictures; the rest begins with "."
SHOWN = 10


@dataclass(frozen=True)
class Listing:
    """The pictures of a source.

    Args:
        names: below the folder or in the archive, in order.
        notes: what was left out that someone may miss, in plain sentences.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...]


def sifted(names: Iterable[str]) -> Listing:
    """The pictures among files, by their names: not what is hidden, nor what systems lay beside."""
    seen = [name for name in names if not _aside(PurePosixPath(name))]
    pictures = sorted(name for name in seen if is_picture(name))
    left = Counter(suffix for name in seen if (suffix := PurePosixPath(name).suffix.lower()) in UNREAD)
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(left.items()))
    note = f"Pictures of kinds that cannot be read are left out ({kinds}): save them as .png to have them."
    return Listing(tuple(pictures), (note,) if left else ())


def is_picture(name: str) -> bool:
    """Whether a file's name ends as that of a picture that can be read."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _aside(name: PurePosixPath) -> bool:
    """Whether a file is hidden, or lies in a folder that is."""
    return any((part[0] == "." and part != "..") or part.lower() in NOTED for part in name.parts)


def listed(folder: Path) -> Listing:
    """The pictures of a folder at any depth. Linked folders count, each once, and so may be linked in a circle.

    Raises:
        UserError: a folder cannot be looked into.
    """
    names: list[str] = []
    broken: list[str] = []
    known: set[tuple[int, int]] = set()
    waiting, linked = [""], list[str]()
    while waiting or linked:
        below = waiting.pop() if waiting else linked.pop(0)  # what is linked comes last, and counts if it is new
        try:
            status = (folder / below).stat()
            if (place := (status.st_dev, status.st_ino)) in known:
                continue
            known.add(place)
            entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(f"{folder / below} cannot be looked into: {error.strerror}.") from error
        for entry in entries:
            name = f"{below}/{entry.name}".lstrip("/")
            if _aside(PurePosixPath(name)):
                continue
            if entry.is_dir():
                (linked if entry.is_symlink() else waiting).append(name)
            elif entry.is_file():
                names.append(name)
            elif entry.is_symlink():
                broken.append(name)
    found = sifted(names)
    notes = (f"Links that lead nowhere are left out: {some(sorted(broken))}.",) if broken else ()
    return Listing(found.names, found.notes + notes)


def some(words: Iterable[str]) -> str:
    """The first ten words, and how many more there are.

    >>> some("abcdefghijkl")
    'a, b, c, d, e, f, g, h, i, j and 2 more'
    """
    words = list(words)
    rest = len(words) - SHOWN
    return ", ".join(words[:SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def is_there(path: Path) -> bool:
    """Whether there is a file or folder of this name, be it one that no file could have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
