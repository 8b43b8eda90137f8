"""``watch.json`` in a run's folder: what an audit of each of its checkpoints found, over the course of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_object, write_json

WATCH = "watch.json"
SCHEMA = 1


@dataclass(frozen=True)
class Part:
    """A part of the data that was dropped at this look, or at an earlier one.

    Args:
        view: the feature space that shows it.
        region: its id there, the same at every look.
        share: of the data that is in it.
        ratio: of its share of samples to that of the data; None where its examples are too few to expect a sample.
        q_value: corrected over all views.
        dropped: whether it is, at this look.
        labels: those that set it apart from other data, and how many of its examples bear them.
    """

    view: str
    region: str
    share: float
    ratio: float | None
    q_value: float
    dropped: bool
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Look:
    """The audit of one checkpoint.

    Args:
        images: presentations of training examples until then.
        collapse: ``yes``, ``no`` or ``cannot be told``.
        estimate: of the share of the data that is dropped.
        least: of it, with 95% confidence.
        parts: dropped now, the surest first, and those that were dropped at an earlier look.
        summary: metrics of others, by name; NaN where one could not be measured.
    """

    images: int
    collapse: str
    estimate: float
    least: float
    parts: tuple[Part, ...]
    summary: Mapping[str, float]

    @property
    def dropped(self) -> tuple[Part, ...]:
        """The parts that are dropped at this look."""
        return tuple(part for part in self.parts if part.dropped)


@dataclass(frozen=True)
class Watched:
    """All looks at a run.

    Args:
        basis: what every look depends on: data, samples, feature spaces, seed.
        looks: in the order of training.
    """

    basis: Mapping[str, Any]
    looks: tuple[Look, ...] = ()

    def having(self, look: Look) -> Watched:
        """With one look more."""
        return Watched(self.basis, tuple(sorted((*self.looks, look), key=lambda each: each.images)))

    def document(self) -> dict[str, Any]:
        """``watch.json`` as plain data."""
        looks = [asdict(look) for look in self.looks]
        for look in looks:
            look["summary"] = {name: value if math.isfinite(value) else None for name, value in look["summary"].items()}
        return {"schema": SCHEMA, "basis": dict(self.basis), "looks": looks}

    def save(self, run: Path) -> None:
        """Write ``watch.json`` into a run's folder, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        write_json(run / WATCH, self.document())


def read_watch(run: Path) -> Watched | None:
    """The looks at a run; None if there was none.

    Raises:
        UserError: ``watch.json`` is damaged, or of another version.
    """
    path = run / WATCH
    if not path.exists():
        return None
    found = read_object(path)
    if found.get("schema") != SCHEMA:
        raise UserError(f"{path} is not a watch of this version: delete it, and watch again.")
    try:
        return Watched(dict(found["basis"]), tuple(map(_look, found["looks"])))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it, and watch again.") from error


def _look(found: Mapping[str, Any]) -> Look:
    return Look(
        images=int(_number(found["images"])),
        collapse=_text(found["collapse"]),
        estimate=_number(found["estimate"]),
        least=_number(found["least"]),
        parts=tuple(map(_part, found["parts"])),
        summary={_text(name): math.nan if v is None else _number(v) for name, v in found["summary"].items()},
    )


def _part(found: Mapping[str, Any]) -> Part:
    return Part(
        view=_text(found["view"]),
        region=_text(found["region"]),
        share=_number(found["share"]),
        ratio=None if found["ratio"] is None else _number(found["ratio"]),
        q_value=_number(found["q_value"]),
        dropped=found["dropped"] is True,
        labels={_text(name): int(_number(count)) for name, count in found["labels"].items()},
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
