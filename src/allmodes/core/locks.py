"""Locks that the system takes back when a process ends, however it ends: a crash leaves nothing behind.

They are those of ``flock``. Where there are none (Windows, some network disks), nothing is refused, and nothing is
taken for left behind; whoever asks for a lock of a folder is told.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


def claim(handle: int) -> bool:
    """Lock an open file until it is closed; False if somebody else holds it.

    Raises:
        OSError: there are no locks here.
    """
    if fcntl is None:
        raise OSError("this system has no locks")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def holding(path: Path) -> Iterator[None]:
    """Within this context the file or folder counts as in use, see :func:`abandoned`."""
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                handle = os.open(path, os.O_RDONLY)
                stack.callback(os.close, handle)
                claim(handle)
        yield


def abandoned(path: Path) -> bool:
    """Whether whoever was :func:`holding` the file or folder lives no more; False where that cannot be known."""
    with contextlib.ExitStack() as stack:
        try:
            handle = os.open(path, os.O_RDONLY)
            stack.callback(os.close, handle)
            return claim(handle)
        except OSError:
            return False


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Yields whether what this lock file stands for is ours to do, for as long as the context lasts.

    It is not while another process that lives does it. Where there are no locks, everybody does it.

    Args:
        path: of the lock file, which is removed afterwards.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError:  # a folder that is only to be read
        yield True
        return
    mine = True
    try:
        with contextlib.suppress(OSError):
            mine = claim(handle) and _same(handle, path)
        yield mine
    finally:
        if mine:
            with contextlib.suppress(OSError):
                path.unlink()
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, which holds the number of the process, for as long as the context lasts.

    Args:
        path: of the lock file, in the folder that it is for.
        what: happens under the lock, for the refusal.

    Raises:
        UserError: another process holds it, or it cannot be made.
    """
    try:
        handle = _opened(path, what)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror or error}. Choose another place with --out.") from error
    try:
        with contextlib.suppress(OSError):  # a full disk cannot hold the number, and the lock holds without it
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # before the lock is given up: nobody can hold it yet
        os.close(handle)


def _opened(path: Path, what: str) -> int:
    """The lock file, locked."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            free = claim(handle)
        except OSError:
            print(f"{path.parent} cannot be locked: see that nobody else writes there meanwhile.", file=sys.stderr)
            return handle
        if free and _same(handle, path):
            return handle
        number = os.pread(handle, 20, 0).decode(errors="replace").strip()
        os.close(handle)
        if not free:
            process = f" (process {number})" if number.isdigit() else ""
            raise UserError(
                f"{path.parent} is in use: {what}{process}. Wait for it to end, or choose another folder with --out."
            )


def _same(handle: int, path: Path) -> bool:
    """Whether an open file is the one of this name, and not one that its holder has removed since it was opened."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
