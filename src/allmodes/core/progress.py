"""Progress of long work on stderr: what is being done, how far it is, and the time left.

On a terminal each piece of work that takes a moment has a bar; work within work has a bar below it. Elsewhere a line
says now and then what runs and how far it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")
MOMENT = 0.5  # seconds before a bar is shown
LONGER = 5.0  # seconds before a line is written where there is no terminal
NOW_AND_THEN = 15.0  # seconds between two such lines

_shown: Progress | None = None


@contextmanager
def showing(progress: Progress) -> Iterator[None]:
    """Within this context further work shows its bars in this display, which must be the only live one."""
    global _shown
    before, _shown = _shown, progress
    try:
        with progress:
            yield
    finally:
        _shown = before


@contextmanager
def working(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields a function to be told how many parts more are done.

    Args:
        title: what is being done, for the user.
        total: parts that there are.
    """
    from rich.console import Console  # not at the top: the command line's help must not wait for it

    console = Console(file=sys.stderr) if _shown is None else _shown.console
    if not console.is_terminal:
        yield _lines(title, total, lambda line: console.print(line, soft_wrap=True))
        return
    with ExitStack() as opened:
        if _shown is None:
            opened.enter_context(showing(_bars(console)))
        assert _shown is not None
        shown, began = _shown, time.monotonic()
        task = shown.add_task(title, total=total, visible=False)

        def advance(parts: int) -> None:
            shown.update(task, advance=parts, visible=time.monotonic() - began > MOMENT)

        try:
            yield advance
        finally:
            shown.remove_task(task)


def _lines(title: str, total: int, write: Callable[[str], None]) -> Callable[[int], None]:
    done, due = 0, time.monotonic() + LONGER

    def advance(parts: int) -> None:
        nonlocal done, due
        done += parts
        if done < total and time.monotonic() >= due:
            due = time.monotonic() + NOW_AND_THEN
            write(f"{title}: {done / total:.0%}")

    return advance


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.percentage:3.0f}%"))
    left = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(*columns, *left, console=console, transient=True)


def track(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """Yield ``items`` beside a bar.

    Args:
        items: what to go through.
        total: how many there are.
        title: what is being done, for the user.
    """
    with working(title, total) as advance:
        for item in items:
            yield item
            advance(1)
