"""Zip archives from anywhere: what they hold, read one file at a time, never more of it than was asked for."""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections import Counter
from pathlib import Path

from PIL import UnidentifiedImageError

from ..core.errors import UserError
from ..core.files import require_plain

LOCKED = 0x1  # bit 0 of the flags (PKWARE's APPNOTE.TXT, section 4.4.4)
END, LONGEST_COMMENT, MANY = 22, 2**16, 2**16 - 1  # of the record at the end, and what it says of more (section 4.3.16)
BOUNDED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # unpack no further than they are asked to
STEP, SMALL_STEP = 2**20, 2**12  # bytes at a time; 4 KiB packed by bzip2 or LZMA can unpack to 100 MB


class Archive:
    """A zip archive.

    Args:
        source: its file, or its content.
        title: what messages call it; the file by default.

    Attributes:
        names: its files, without its folders, in the order in which they were packed.

    Raises:
        UserError: it is no zip, is damaged, a device or a pipe, or holds two files of one name.
    """

    def __init__(self, source: Path | bytes, title: str | None = None) -> None:
        self.title = title or str(source)
        if isinstance(source, Path):
            require_plain(source)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
            self.names = tuple(info.filename for info in self._zip.infolist() if not info.is_dir())
            if (stated := _stated(self._zip)) not in {len(self._zip.infolist()), MANY}:
                raise ValueError(f"it states {stated} files and lists {len(self._zip.infolist())}")
        except Exception as error:  # damaged bytes raise nearly anything
            raise UserError(f"{self.title} is no zip, or a damaged one ({reason(error)}).") from error
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise UserError(f"{self.title} holds '{twice[0]}' twice: pack it anew, every file under a name of its own.")

    def size(self, name: str) -> int:
        """What a file takes unpacked, in bytes, as the archive states it; :meth:`read` reads no more."""
        return self._zip.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            UserError: the archive is locked, or packed by a method that Python does not have.
            ValueError: the file is damaged.
        """
        info = self._zip.getinfo(name)
        if info.flag_bits & LOCKED:
            raise UserError(f"{self.title} is locked by a password: unpack it, and give the folder.")
        step, parts = STEP if info.compress_type in BOUNDED else SMALL_STEP, []
        try:
            with self._zip.open(info) as stream:
                while part := stream.read(step):
                    parts.append(part)
        except NotImplementedError as error:
            raise UserError(
                f"{self.title} is packed by a method that Python cannot unpack ({error}): unpack it, and give the "
                "folder."
            ) from error
        except Exception as error:  # damaged bytes raise nearly anything
            raise ValueError(reason(error)) from error
        if sum(map(len, parts)) != info.file_size:
            raise ValueError("it is cut off")
        return b"".join(parts)

    def require_intact(self, name: str) -> None:
        """Raise a UserError if the archive's list and the file itself do not agree about the name of a file.

        A damaged list would else leave out what it no longer calls a picture.
        """
        try:
            self._zip.open(self._zip.getinfo(name)).close()
        except (NotImplementedError, RuntimeError):  # locked, or packed by another method, and not wanted
            return
        except Exception as error:
            raise UserError(f"{self.title} is damaged ({reason(error)}): copy or pack it again.") from error


def _stated(archive: zipfile.ZipFile) -> int:
    """How many files and folders the end of an archive says that it has; ``MANY`` if it says so elsewhere.

    The list says it, too, but a damaged length in it swallows what follows.
    """
    assert archive.fp is not None
    archive.fp.seek(max(0, archive.fp.seek(0, io.SEEK_END) - END - LONGEST_COMMENT))
    tail = archive.fp.read()
    return int.from_bytes(tail[(start := tail.rfind(b"PK\5\6")) + 10 : start + 12], "little")


def reason(error: Exception) -> str:
    """What an error says, in short, or its name where it says nothing."""
    if isinstance(error, UnidentifiedImageError):  # which says where in memory the file is
        return "it begins like no picture"
    return textwrap.shorten(str(error), 120, placeholder=" ...") or type(error).__name__
