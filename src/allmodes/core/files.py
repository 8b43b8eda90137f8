"""Files that are whole or absent: the one way to write, and to read, all that this project leaves on a disk."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from .errors import UserError
from .locks import abandoned, holding

PARTIAL = ".partial-"  # in the names of files that are being written
ELSEWHERE = "Choose another place."
DEEPEST = 64  # levels of a document that is read
TOO_DEEP = f"it is nested more than {DEEPEST} deep"
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
        tidy(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            with holding(temporary):  # while it lives, nobody takes it for something that a kill left behind
                yield temporary
                with open(temporary, "rb") as written:
                    os.fsync(written.fileno())
                temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path``, which is not there yet, or empty; on success it is renamed to ``path``.

    Raises:
        UserError: the folder cannot be written.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        tidy(path.parent)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))
        try:
            with holding(temporary):
                yield temporary
                temporary.chmod(0o777 & ~_umask())
                temporary.replace(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _prefix(path: Path) -> str:
    return f".{path.stem[:32]}{PARTIAL}"  # names may not be much longer than their user chose them


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that it holds, if it is there. A link is removed, not what it leads to.

    Raises:
        UserError: the system refused.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"Cannot remove {error.filename or path}: {error.strerror or error}.") from error


@cache
def tidy(folder: Path) -> None:
    """Remove from a folder what killed processes had begun to write there; once in a process."""
    for path in folder.glob(f".*{PARTIAL}*"):
        if abandoned(path):
            remove(path)


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


def require_plain(path: Path) -> None:
    """Raise a UserError for devices, pipes and sockets, which may have no end; what is not there is no such thing."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # whoever opens it says so
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "a pipe or socket"
        raise UserError(f"{path} is {kind}, and no file or folder: write what it holds to a file, and give that.")


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        UserError: it is a device, pipe or socket.
    """
    require_plain(path)
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Read a text file.

    Raises:
        UserError: it is missing, cannot be read, or is not in UTF-8.
    """
    try:
        require_plain(Path(path))
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8 (byte {error.start:,}): damaged, or something else.") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, is not JSON, or is nested too deeply.
    """
    text = read_text(path)
    try:
        return parse_json(text)
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}).") from error


def parse_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        ValueError: it is not JSON, or nested so deeply that no document of ours can be meant.
    """
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    level = [document]
    for _ in range(DEEPEST):
        inner = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        if not inner:
            return document
        level = [*chain.from_iterable(inner)]
    raise ValueError(TOO_DEEP)


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
    """YAML without aliases, a few of which, nested, expand to more than any memory holds, and without a key twice."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read: write out what they stand for")
        if self.depth > DEEPEST:
            raise yaml.YAMLError(TOO_DEEP)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.YAMLError(f"the key '{key.value}' is there twice (line {key.start_mark.line + 1})")
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text holds.

    Args:
        text: the document.
        source: what messages call it.

    Raises:
        UserError: it is not YAML, uses aliases, has a key twice, or is nested too deeply.
    """
    try:
        return yaml.load(text, _Plain)
    except yaml.YAMLError as error:
        raise UserError(f"{source} is not valid YAML: {' '.join(str(error).split())}.") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # tags that do not fit, as in !!int x
        raise UserError(f"{source} is not valid YAML: a value is not of the type that it states ({error}).") from error
    except RecursionError as error:
        raise UserError(f"{source} is not valid YAML: {TOO_DEEP}.") from error


def digest(*parts: bytes | memoryview | str) -> str:
    """A 16-character hash of the parts, for fingerprints and cache names."""
    total = hashlib.blake2b(digest_size=8)
    for part in parts:
        total.update(part.encode() if isinstance(part, str) else part)
        total.update(b"\0")
    return total.hexdigest()


def cache_dir() -> Path:
    """Where downloads and trained feature networks are kept: ``$ALLMODES_CACHE`` or ``~/.cache/allmodes``."""
    return Path(os.environ.get("ALLMODES_CACHE") or Path.home() / ".cache" / "allmodes")
