"""What an audit found, to be written: as data, and as a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.files import write_json
from ..core.records import Score
from ..reports.audits import SCHEMA
from .found import Found
from .verdict import Answer, answered, remarks, sentence


@dataclass(frozen=True)
class Findings(Found):
    """An audit: which part of the data a generator leaves out. What it holds: see :class:`.found.Found`."""

    def answer(self) -> Answer:
        """Whether modes are dropped: yes, no, or it cannot be told."""
        return answered(self)

    def verdict(self) -> str:
        """The outcome in a few sentences, the answer first."""
        return sentence(self)

    def remarks(self) -> tuple[str, ...]:
        """What else a reader must know of the samples, a sentence each."""
        return remarks(self)

    def document(self) -> dict[str, Any]:
        """``audit.json`` as plain data."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict(),
            "answer": asdict(self.answer()),
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "given_real": self.real.given_in_all,
            "given_fake": self.fake.given_in_all,
            "n_counted": self.n_counted,
            "distance": self.distance,
            "alpha": self.alpha,
            "fraction": self.fraction,
            "views": [view.document() for view in self.views],
            "summary": {name: _summary(score) for name, score in self.summary.items()},
            "dropped_mass": asdict(self.dropped_mass),
            "difference": asdict(self.difference),
            "crowded_mass": asdict(self.crowded_mass),
            "copied_mass": asdict(self.copied_mass),
            "invented_mass": asdict(self.invented_mass),
            "remarks": list(self.remarks()),
            "traits": [asdict(trait) for trait in self.traits[0]],
            "parts": [
                {
                    "view": part.region.view,
                    "region": part.region.id,
                    "views": part.views,
                    "traits": [asdict(trait) for trait in mine],
                }
                for part, mine in zip(self.parts, self.traits[1:], strict=True)
            ],
            "regions": [_without_none(self._numbered(vars(region)), "label_counts") for region in self.regions],
            "labels": [asdict(label) for label in self.labels],
            "examples": self._listed(),
            "certificate": dict(self.certificate),
            "warnings": list(self.warnings),
        }

    def _numbered(self, region: Mapping[str, Any]) -> dict[str, Any]:
        """Its members by their numbers in the source."""
        return {**region, "members": self.real.numbers(region["members"])}

    def _listed(self) -> list[dict[str, Any]]:
        """The examples, and the samples nearest to them, by their numbers in their sources."""
        index = self.real.numbers([example.index for example in self.examples])
        nearest = self.fake.numbers([example.nearest for example in self.examples])
        numbered = zip(self.examples, index, nearest, strict=True)
        return [_without_none({**vars(each), "index": i, "nearest": j}, "file") for each, i, j in numbered]

    def save(self, folder: str | Path) -> None:
        """Write ``audit.json``, ``index.html``, and the pictures that a comparison shows, each whole or not at all.

        Raises:
            UserError: a file cannot be written.
        """
        from .page import write_page, write_pictures  # drawing takes a while to import

        drawn = write_pictures(self, Path(folder))
        write_page(self, Path(folder) / "index.html", drawn)
        self.to_json(Path(folder) / "audit.json")

    def to_json(self, path: str | Path) -> None:
        """Write ``audit.json``, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        write_json(Path(path), self.document())

    def to_html(self, path: str | Path) -> None:
        """Write the page: one file that holds everything it shows.

        Raises:
            UserError: it cannot be written.
        """
        from .page import write_page  # drawing takes a while to import

        write_page(self, Path(path))


def _summary(score: Score) -> dict[str, Any]:
    ends = None if score.ci95 is None else [end if math.isfinite(end) else None for end in score.ci95]
    value = score.value if math.isfinite(score.value) else None
    basis = {"n_real": score.n_real, "n_fake": score.n_fake, "certificate": dict(score.certificate)}
    return {"value": value, "ci95": ends, **basis, "warnings": list(score.warnings)}


def _without_none(document: Mapping[str, Any], optional: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != optional or value is not None}
