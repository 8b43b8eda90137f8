"""What fits into the memory of this machine, asked before it is filled."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UserError

SHARE = 0.8  # of the memory that is there, at most
LIMITS = tuple(Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory/memory.limit_in_bytes"))


def memory() -> int:
    """Bytes of this machine, or of the container that this process may fill."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [text for path in LIMITS if path.exists() and (text := path.read_text(encoding="ascii").strip()).isdigit()]
    return min([there, *map(int, limits)])


def require_memory(needed: int, what: str) -> None:
    """Raise a UserError if so many bytes would take more than four fifths of this machine's memory."""
    there = memory()
    if needed > SHARE * there:
        gib = f"{needed / 2**30:,.0f} GiB, and this machine has {there / 2**30:.0f}"
        raise UserError(f"{what} need {gib}: take fewer or smaller ones.")
