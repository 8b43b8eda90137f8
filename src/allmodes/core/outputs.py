"""Where results go, looked at before the work that makes them."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UserError
from .files import PARTIAL, writing


def require_writable(path: Path) -> None:
    """Raise a UserError unless a file or folder of this name can be written, with the folders above it."""
    path = path.absolute()
    with writing(path):  # names that are too long are refused here
        near = next(place for place in (path, *path.parents) if place.exists() or place.is_symlink())
    if not near.exists():
        raise UserError(f"Cannot write {path}: {near} is a link to what is not there. Choose another place with --out.")
    if near != path and not near.is_dir():
        raise UserError(f"Cannot write {path}: {near} is a file. Choose another place with --out.")
    if not os.access(near, os.W_OK):
        raise UserError(f"Cannot write {path}: {near} may not be written to. Choose another place with --out.")


def require_folder(folder: Path, mark: str | None = None) -> None:
    """Raise a UserError unless results can go into this folder.

    Args:
        folder: there or not.
        mark: a file that earlier results of this kind hold; a folder that holds something, and not this, is someone's.
    """
    require_writable(folder)
    there = [path.name for path in folder.iterdir() if PARTIAL not in path.name] if folder.is_dir() else []
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: choose a folder with --out.")
    if mark is not None and there and mark not in there:
        raise UserError(f"{folder} is not empty, and not of an earlier time (no {mark}): choose another with --out.")
