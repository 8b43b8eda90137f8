"""Which of several processes this is, by what a launcher such as ``torchrun`` tells each of them."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Process:
    """One of those that were started together.

    Args:
        rank: its number, from 0 on; the first speaks for all.
        size: how many there are.
        local: its number on this machine.
    """

    rank: int = 0
    size: int = 1
    local: int = 0


def launched() -> Process:
    """This process; the only one where no launcher started it."""
    rank, size, local = (os.environ.get(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Process(int(rank or 0), int(size or 1), int(local or 0))
