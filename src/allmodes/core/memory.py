"""What fits into the memory of this machine, asked before it is filled."""

from __future__ import annotations

import os

from .errors import UserError


def require_memory(needed: int, what: str) -> None:
    """Raise a UserError if so many bytes would take more than four fifths of this machine's memory."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > 0.8 * there:
        gib = f"{needed / 2**30:,.0f} GiB, and this machine has {there / 2**30:.0f}"
        raise UserError(f"{what} need {gib}: take fewer or smaller ones.")
