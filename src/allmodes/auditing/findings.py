"""What an audit found, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core.files import write_json
from ..core.records import Score
from .density import DroppedMass

SCHEMA = 1


@dataclass(frozen=True)
class Region:
    """A part of the data with its share among the samples.

    Args:
        id: resolution, 0 the finest, and running number: ``"0-12"``.
        n_real: examples of the half that counts.
        n_fake: samples.
        expected_fake: samples if shares were equal.
        ratio: share among samples over share in the data, None where there are no data.
        ci95: of the ratio; its upper end is None where nothing bounds it.
        p_value: of a share among samples that is no smaller.
        q_value: corrected for the number of regions.
        dropped: smaller by more than chance, and below the fraction asked for.
        members: the real examples in it, of both halves, most under-represented first.
        label_counts: how many members bear each label, where labels are known.
    """

    id: str
    n_real: int
    n_fake: int
    expected_fake: float
    ratio: float | None
    ci95: tuple[float, float | None]
    p_value: float
    q_value: float
    dropped: bool
    members: tuple[int, ...]
    label_counts: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Example:
    """A real example and how under-represented it is.

    Args:
        index: its number in the data.
        score: minus the mean log ratio of the densities around it: 0 where all is as it should be.
        file: where it came from, if from a file.
    """

    index: int
    score: float
    file: str | None = None


@dataclass(frozen=True)
class Findings:
    """An audit: which part of the data a generator leaves out.

    Args:
        n_real: real examples.
        n_fake: samples.
        distance: ``name`` and ``fingerprint`` of the feature space.
        alpha: chance of naming any dropped region where none is.
        fraction: of its share that a part of the data must keep not to be called dropped.
        dropped_mass: how much of the data is dropped.
        regions: of all resolutions, the surest losses first.
        examples: all real examples, the most under-represented first.
        summary: further metrics by name.
        certificate: fingerprints of both sides, sizes, seed.
        warnings: plain sentences.
    """

    n_real: int
    n_fake: int
    distance: Mapping[str, str]
    alpha: float
    fraction: float
    dropped_mass: DroppedMass
    regions: tuple[Region, ...]
    examples: tuple[Example, ...]
    summary: Mapping[str, Score]
    certificate: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def dropped(self) -> tuple[Region, ...]:
        """The regions that are dropped, the finest that say so: none holds another."""
        found: list[Region] = []
        taken: set[int] = set()
        for region in sorted(self.regions, key=lambda r: (int(r.id.split("-")[0]), r.q_value)):
            if region.dropped and not taken.intersection(region.members):
                found.append(region)
                taken.update(region.members)
        return tuple(found)

    def verdict(self) -> str:
        """The outcome in one sentence."""
        low, high = self.dropped_mass.ci95
        if not self.dropped:
            return f"No part of the data was found to be missing; up to {high:.0%} of it could be without being seen."
        parts = "one part" if len(self.dropped) == 1 else f"{len(self.dropped)} parts"
        estimate = self.dropped_mass.estimate
        return (
            f"The generator drops {parts} of the data: about {estimate:.0%} of it (95% interval {low:.0%} to "
            f"{high:.0%}) gets less than {self.fraction:.0%} of the samples that it should."
        )

    def document(self) -> dict[str, Any]:
        """``audit.json`` as plain data."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict(),
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "distance": dict(self.distance),
            "alpha": self.alpha,
            "fraction": self.fraction,
            "summary": {name: _summary(score) for name, score in self.summary.items()},
            "dropped_mass": {
                "estimate": self.dropped_mass.estimate,
                "ci95": list(self.dropped_mass.ci95),
                "shortfall": self.dropped_mass.shortfall,
            },
            "regions": [_without_none(asdict(region), "label_counts") for region in self.regions],
            "examples": [_without_none(asdict(example), "file") for example in self.examples],
            "certificate": dict(self.certificate),
            "warnings": list(self.warnings),
        }

    def to_json(self, path: str | Path) -> None:
        """Write ``audit.json``, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        write_json(Path(path), self.document())


def _summary(score: Score) -> dict[str, Any]:
    ends = None if score.ci95 is None else [end if math.isfinite(end) else None for end in score.ci95]
    value = score.value if math.isfinite(score.value) else None
    return {"value": value, "ci95": ends, "certificate": dict(score.certificate), "warnings": list(score.warnings)}


def _without_none(document: dict[str, Any], optional: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != optional or value is not None}
