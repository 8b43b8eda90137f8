"""Tar archives of pictures, one or a folder of them, as large sets come: each picture is read where it lies."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.files import require_plain
from .archives import reason

SUFFIX = ".tar"


@dataclass(frozen=True)
class Place:
    """Where a file lies: its archive, and from which byte on it has how many."""

    archive: Path
    start: int
    size: int


class Tars:
    """The files of tar archives that are not compressed.

    Args:
        paths: of the archives; of several, the names begin with that of their archive.

    Attributes:
        names: of the files, without folders and links, in the order in which they were packed.

    Raises:
        UserError: one is compressed, damaged, a device or a pipe, or holds two files of one name.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._places: dict[str, Place] = {}
        for path in paths:
            require_plain(path)
            above = f"{path.stem}/" if len(paths) > 1 else ""
            try:
                with tarfile.open(path, "r:") as archive:
                    for member in archive:
                        archive.members = []  # type: ignore[attr-defined]  # else it keeps a record of each
                        if not member.isreg() or member.issparse():
                            continue
                        if (name := above + member.name) in self._places:
                            raise ValueError(f"it holds '{member.name}' twice")
                        self._places[name] = Place(path, member.offset_data, member.size)
                    _require_end(archive)
            except Exception as error:  # damaged bytes raise nearly anything
                raise UserError(
                    f"{path} is no tar archive that can be read ({reason(error)}): pack it anew, uncompressed, or give "
                    "the folder."
                ) from error
        self.names = tuple(self._places)

    def size(self, name: str) -> int:
        """What a file takes, in bytes."""
        return self._places[name].size

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: the archive cannot be read.
            ValueError: it ends before the file does.
        """
        place = self._places[name]
        with open(place.archive, "rb") as archive:
            archive.seek(place.start)
            content = archive.read(place.size)
        if len(content) != place.size:
            raise ValueError("it is cut off")
        return content


def _require_end(archive: tarfile.TarFile) -> None:
    """Refuse an archive without the empty block at its end, which one that is cut off lacks."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise ValueError("it is cut off")
