"""A published collection of pictures: a folder or a zip of it, known by the hash of what it holds."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..core.downloads import ELSEWHERE, fetch
from ..core.errors import UserError
from ..core.files import cache_dir, require_plain
from .archives import Archive


@dataclass(frozen=True)
class Collection:
    """Which files belong to it, and where they can be had.

    Args:
        folder: what its folder is called.
        member: regular expression of the end of a file's path; its group is what the file is called here.
        sha256: of all members, see :func:`content_hash`.
        urls: of a zip of them, wherever in it they are.
    """

    folder: str
    member: str
    sha256: str
    urls: tuple[str, ...]

    def read(self, path: Path | None) -> dict[str, bytes]:
        """The content of every member by name, from ``path``, ``$ALLMODES_DATA``, the cache or the network.

        Raises:
            UserError: they cannot be had, or are not those that were published.
        """
        if path is not None:
            return self._from(Path(path))
        if (place := data_folder(self.folder)) is not None:
            return self._from(place)
        kept = cache_dir() / "data" / f"{self.folder}.zip"
        if not kept.exists():
            remedy = f"put its files into a folder {self.folder}/ {ELSEWHERE}"
            fetch(self.urls, kept, genuine=self._genuine, what=self.folder, remedy=remedy)
        return self._from(kept)

    def _from(self, place: Path) -> dict[str, bytes]:
        require_plain(place)
        try:
            found = self._in_folder(place) if place.is_dir() else self._in_zip(place.read_bytes())
        except (OSError, ValueError, UserError) as error:
            raise UserError(f"{place} is neither a folder nor a zip of {self.folder} ({error}).") from error
        if content_hash(found) != self.sha256:
            raise UserError(
                f"{place} does not hold {self.folder} as it was published: {len(found)} files of it, or altered ones. "
                "Copy it again, or train on the images as they are with --data PATH."
            )
        return found

    def _in_folder(self, folder: Path) -> dict[str, bytes]:
        files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
        return {name: files[path].read_bytes() for path, name in self._members(files).items()}

    def _in_zip(self, content: bytes) -> dict[str, bytes]:
        archive = Archive(content, "it")
        return {name: archive.read(path) for path, name in self._members(archive.names).items()}

    def _members(self, paths: Iterable[str]) -> dict[str, str]:
        """Which of the paths are members, and what they are called."""
        matches = {path: re.search(rf"(?:^|/)({self.member})$", path) for path in paths}
        return {path: match.group(1) for path, match in matches.items() if match is not None}

    def _genuine(self, content: bytes) -> bool:
        try:
            return content_hash(self._in_zip(content)) == self.sha256
        except (ValueError, UserError):
            return False


def data_folder(name: str) -> Path | None:
    """The folder of this name in ``$ALLMODES_DATA``, if it is there."""
    place = Path(os.environ.get("ALLMODES_DATA", "")) / name
    return place if "ALLMODES_DATA" in os.environ and place.is_dir() else None


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()


def picture(content: bytes) -> Image.Image:
    """The image that a file holds."""
    return Image.open(io.BytesIO(content))
