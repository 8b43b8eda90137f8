"""Locks that the system takes back when a process ends, however it ends: a crash leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError

try:
    import fcntl
except ImportError:  # a system without these locks: nothing is locked there, and nothing is taken for left behind
    fcntl = None  # type: ignore[assignment]


def hold(handle: int) -> bool:
    """Lock an open file until it is closed; False if another process holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def held(path: Path) -> bool:
    """Whether somebody holds the file; True where that cannot be known."""
    if fcntl is None:
        return True
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file for as long as the context lasts. The file stays; what counts is whether somebody holds it.

    Args:
        path: of the lock file; it holds the number of the process.
        what: happens under the lock, for the refusal.

    Raises:
        UserError: another process holds it.
        OSError: the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not hold(handle):
            raise UserError(refusal(path, what))
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def refusal(path: Path, what: str) -> str:
    """The sentence for whoever comes second."""
    number = path.read_text(encoding="utf-8", errors="replace").strip()
    process = f" (process {number})" if number.isdigit() else ""
    return f"{path.parent} is in use: {what}{process}. Wait for it to end, or choose another folder with --out."
