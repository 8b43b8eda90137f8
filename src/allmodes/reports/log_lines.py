"""The lines of a run's log, ``metrics.jsonl``: what was measured after how many presentations and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.files import parse_json, read_text


@dataclass(frozen=True)
class Entry:
    """A line of ``metrics.jsonl``.

    Args:
        images: data examples seen so far.
        seconds: time trained so far.
        elapsed: with everything beside: pictures, evaluations, the audit, and sessions before.
        scalars: figures by name.
        whole: whether it is the evaluation at the end. Those before it are quick looks, of fewer samples.
    """

    images: int
    seconds: float
    elapsed: float
    scalars: Mapping[str, float]
    whole: bool = False


def numbers(values: Mapping[str, object]) -> dict[str, float]:
    """The figures among ``values``; null, where one could not be measured, is left out.

    Raises:
        ValueError: a value is no number.
    """
    found = {key: value for key, value in values.items() if value is not None}
    for key, value in found.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{key} is {value!r}, not a number")
    return {key: float(value) for key, value in found.items()}  # type: ignore[arg-type]


def read_entries(path: Path) -> dict[str, tuple[Entry, ...]]:
    """The lines by kind; a last one that was cut short by a kill is passed over.

    Raises:
        UserError: another line is damaged.
    """
    found: dict[str, list[Entry]] = {}
    lines = read_text(path).split("\n") if path.exists() else [""]
    for number, line in enumerate(lines[:-1], 1):
        try:
            entry = parse_json(line)
            places = (entry["images"], entry["seconds"], entry.get("elapsed", entry["seconds"]))
            at = numbers(dict(zip(("images", "seconds", "elapsed"), places, strict=True)))
            figures = numbers(entry.get("scalars") or {})
            shown = Entry(int(at["images"]), at["seconds"], at["elapsed"], figures, bool(entry.get("whole")))
            found.setdefault(str(entry["kind"]), []).append(shown)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise UserError(f"{path} is damaged in line {number:,} ({error}): delete that line.") from error
    return {kind: tuple(entries) for kind, entries in found.items()}
