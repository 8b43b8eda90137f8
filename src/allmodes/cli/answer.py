"""Answers as text and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from .base import Answer

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDE = 160  # columns of a table that goes into a file or a pipe


def show(answer: Answer, *, as_json: bool) -> str:
    """The answer as it is printed."""
    if answer.document is None:
        return ""
    return json.dumps(finite(answer.document), indent=1, allow_nan=False) if as_json else answer.text


def finite(document: Any) -> Any:
    """The document with null for NaN and infinities, which JSON does not know.

    >>> finite({"kl": float("nan"), "modes": (1, 2.5)})
    {'kl': None, 'modes': [1, 2.5]}
    """
    if isinstance(document, Mapping):
        return {str(key): finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in aligned columns.

    >>> print(columns([("ring/gan", "a GAN"), ("grid", "rows")]))
    ring/gan  a GAN
    grid      rows
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (zip(row, widths, strict=True) for row in rows)
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in row).rstrip() for row in padded)


def on_one_screen() -> bool:
    """Whether who reads the answer has read, in the same terminal, what went to stderr before it."""
    import sys

    return _is_terminal(sys.__stdout__) and _is_terminal(sys.stderr)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def rendered(table: RenderableType) -> str:
    """A rich table as text, as wide as the terminal, or wide enough for a file."""
    import sys

    from rich.console import Console

    terminal = _is_terminal(sys.__stdout__)
    console = Console(width=None if terminal else WIDE, force_terminal=terminal)
    with console.capture() as text:
        console.print(table)
    return text.get().rstrip()
