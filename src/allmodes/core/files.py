"""Files that are whole or absent: the one way to write, and to read, all that this project leaves on a disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError
from .locks import held, hold

PARTIAL = ".partial-"  # in the names of files that are being written
ELSEWHERE = "Choose another place."
REMEDY = {
    errno.EFBIG: "Raise the limit on the size of files, or choose another disk.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    **dict.fromkeys((errno.EROFS, errno.EPERM, errno.EACCES), ELSEWHERE),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT, errno.ELOOP), ELSEWHERE),
}


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is flushed to disk and renamed to ``path``.

    Whoever reads ``path`` sees the old file or the new one, never a part.

    Raises:
        UserError: the file cannot be written (disk full, no permission).
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:64]}{PARTIAL}", suffix=path.suffix)
        temporary = Path(name)
        try:
            hold(handle)  # while it lives, nobody takes it for something that a kill left behind
            yield temporary
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
            temporary.replace(path)
        finally:
            os.close(handle)
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within this context every refusal of the system is one sentence that names ``path`` and says what to do.

    Raises:
        UserError: the system refused: disk full, no permission, read-only, name too long, ...
    """
    try:
        yield
    except OSError as error:
        remedy = REMEDY.get(error.errno or 0, "Free some space, or choose another place.")
        raise UserError(f"Cannot write {path}: {error.strerror or error}. {remedy}") from error


def left_behind(folder: Path) -> list[Path]:
    """The files in this folder, or below it, that a killed process had begun to write, and that nobody writes now."""
    return [path for path in folder.rglob(f".*{PARTIAL}*") if path.is_file() and not held(path)]


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, in one write.

    Raises:
        UserError: it cannot be written.
    """
    with writing(path), open(path, "ab", buffering=0) as file:
        whole = f"{line}\n".encode()
        if file.write(whole) != len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file atomically, indented."""
    write_text(path, json.dumps(document, indent=1) + "\n")


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        UserError: it is missing, cannot be read, or is not in UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not text in UTF-8 (byte {error.start:,}): it is damaged, or something else."
        ) from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, is not JSON, or is nested too deeply.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}).") from error
    except RecursionError as error:
        raise UserError(f"{path} is not a document of allmodes: it is nested too deeply.") from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        UserError: as :func:`read_json`, or it holds something else.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise UserError(f"{path} does not hold a JSON object: it is damaged, or something else.")
    return document


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a few of them, nested, expand to more than any memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read: write out what they stand for")
        return super().compose_node(parent, index)


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text holds.

    Args:
        text: the document.
        source: what messages call it.

    Raises:
        UserError: it is not YAML, uses aliases, or is nested too deeply.
    """
    try:
        return yaml.load(text, _Plain)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{source} is not valid YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise UserError(f"{source} is not a recipe: it is nested too deeply.") from error


def digest(*parts: bytes | str) -> str:
    """A 16-character hash of the parts, for fingerprints and cache names."""
    total = hashlib.blake2b(digest_size=8)
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else part)
        total.update(b"\0")
    return total.hexdigest()


def cache_dir() -> Path:
    """Where downloads and trained feature networks are kept: ``$ALLMODES_CACHE`` or ``~/.cache/allmodes``."""
    return Path(os.environ.get("ALLMODES_CACHE") or Path.home() / ".cache" / "allmodes")
