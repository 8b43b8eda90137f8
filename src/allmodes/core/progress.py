"""Progress of long work that has no bar of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """Yield ``items`` beside a bar with the time left on stderr; where that is no terminal, one line says what runs.

    Args:
        items: what to go through.
        total: how many there are.
        title: what is being done, for the user.
    """
    from rich.console import Console  # not at the top: the command line's help must not wait for it
    from rich.progress import track as bar

    console = Console(file=sys.stderr)
    if not console.is_terminal:
        console.print(f"{title} ...", soft_wrap=True)
        yield from items
        return
    yield from bar(items, title, total=total, console=console, transient=True)
