"""What an audit found, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from ..core.records import Score
from ..reports.audits import SCHEMA
from .difference import Difference
from .examples import Examples
from .labels import Label
from .ratios import DroppedMass, Mass
from .regions import Region

CHANCE = 0.01  # of the samples: less is not spoken of


@dataclass(frozen=True)
class Example:
    """A real example and how under-represented it is.

    Args:
        index: its number in the data.
        score: minus the mean log ratio of the densities around it: 0 where all is as it should be.
        nearest: the number of the sample nearest to it.
        file: where it came from, if from a file.
    """

    index: int
    score: float
    nearest: int
    file: str | None = None


@dataclass(frozen=True)
class View:
    """What the page shows beside the figures.

    Args:
        real: the data.
        fake: the samples.
        features: of the data, the same whatever the samples are, ``(n, D)``.
    """

    real: Examples
    fake: Examples
    features: Tensor


@dataclass(frozen=True)
class Found:
    """An audit: which part of the data a generator leaves out.

    Args:
        n_real: real examples.
        n_fake: samples.
        n_counted: those that are not far from all data; the data are held against these.
        distance: ``name`` and ``fingerprint`` of the feature space.
        alpha: chance of naming any dropped region where none is.
        fraction: of its share that a part of the data must keep not to be called dropped.
        dropped_mass: how much of the data is dropped; from above nothing bounds it.
        difference: whether the samples follow another law than the data.
        crowded_mass: share of samples that are where the data are more than five times thinner than they.
        copied_mass: share of samples that copy an example of the data.
        invented_mass: share of samples that are far from all data.
        regions: of all resolutions, the surest losses first.
        labels: and pairs of labels, the surest losses first; none where no labels are known.
        examples: all real examples, the most under-represented first.
        summary: metrics that others report, by name, in all dimensions of the feature space.
        certificate: fingerprints of both sides, sizes, seed.
        warnings: plain sentences.
        view: what the page shows.
    """

    n_real: int
    n_fake: int
    n_counted: int
    distance: Mapping[str, str]
    alpha: float
    fraction: float
    dropped_mass: DroppedMass
    difference: Difference
    crowded_mass: Mass
    copied_mass: Mass
    invented_mass: Mass
    regions: tuple[Region, ...]
    labels: tuple[Label, ...]
    examples: tuple[Example, ...]
    summary: Mapping[str, Score]
    certificate: Mapping[str, Any]
    warnings: tuple[str, ...]
    view: View

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
        """The outcome in a sentence or two."""
        low, due = self.dropped_mass.ci95[0], f"less than {self.fraction:.0%} of the samples that there should be"
        about = f"{self.dropped_mass.estimate:.0%} of the data" + (f" (at least {low:.0%})" if low > CHANCE else "")
        if self.dropped or self.labels_dropped:
            if self.dropped_mass.estimate >= CHANCE:
                return f"The generator drops about {about}: there it makes {due}{self._lost()}."
            return f"The generator makes too few of some parts of the data: {due} were counted there{self._lost()}."
        if low > CHANCE:
            return f"No part of the data stands out as missing, but around {about} there are {due}."
        if self.difference.p_value <= self.alpha:
            least = self.dropped_mass.shortfall
            short = f" and at least {least:.0%} of the data's mass is missing somewhere," if least > CHANCE else ""
            return (
                f"The samples differ from the data (p = {self.difference.p_value:.2g}),{short} though no part could be "
                f"named that has {due}. How much is missing cannot be bounded from above."
            )
        return (
            "No part of the data was found to be missing, and the samples could not be told from the data. "
            "That is no proof that nothing is missing: more examples see smaller losses."
        )

    def _lost(self) -> str:
        """The labels that are dropped, as the end of a sentence."""
        lost = [" and ".join(f"{name} {value}" for name, value in label.value.items()) for label in self.labels_dropped]
        return f", above all of {', '.join(lost[:3])}" if lost else ""

    @property
    def labels_dropped(self) -> tuple[Label, ...]:
        """The labels that are dropped, and those pairs of labels of which neither is."""
        alone = [label.value.items() for label in self.labels if label.dropped and len(label.value) == 1]
        return tuple(
            label
            for label in self.labels
            if label.dropped and (len(label.value) == 1 or not any(one <= label.value.items() for one in alone))
        )

    def remarks(self) -> tuple[str, ...]:
        """What else a reader must know of the samples, a sentence each."""
        said = []
        low = self.crowded_mass.ci95[0]
        if low > CHANCE:
            said.append(
                f"About {self.crowded_mass.estimate:.0%} of the samples (at least {low:.0%}) crowd where there are "
                "hardly any data: too many of a kind, or unlike all data."
            )
        low, high = self.copied_mass.ci95
        if low > CHANCE:
            said.append(
                f"About {self.copied_mass.estimate:.0%} of the samples ({low:.0%} to {high:.0%}) copy an example of "
                "the data: what they cover is remembered, not learnt."
            )
        low, high = self.invented_mass.ci95
        if low > CHANCE:
            said.append(
                f"About {self.invented_mass.estimate:.0%} of the samples ({low:.0%} to {high:.0%}) are farther from "
                "the data than 99% of other data. What is missing is held against the others."
            )
        return tuple(said)

    def document(self) -> dict[str, Any]:
        """``audit.json`` as plain data."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict(),
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "n_counted": self.n_counted,
            "distance": dict(self.distance),
            "alpha": self.alpha,
            "fraction": self.fraction,
            "summary": {name: _summary(score) for name, score in self.summary.items()},
            "dropped_mass": asdict(self.dropped_mass),
            "difference": asdict(self.difference),
            "crowded_mass": asdict(self.crowded_mass),
            "copied_mass": asdict(self.copied_mass),
            "invented_mass": asdict(self.invented_mass),
            "remarks": list(self.remarks()),
            "regions": [_without_none(vars(region), "label_counts") for region in self.regions],
            "labels": [vars(label) for label in self.labels],
            "examples": [_without_none(vars(example), "file") for example in self.examples],
            "certificate": dict(self.certificate),
            "warnings": list(self.warnings),
        }


def _summary(score: Score) -> dict[str, Any]:
    ends = None if score.ci95 is None else [end if math.isfinite(end) else None for end in score.ci95]
    value = score.value if math.isfinite(score.value) else None
    basis = {"n_real": score.n_real, "n_fake": score.n_fake, "certificate": dict(score.certificate)}
    return {"value": value, "ci95": ends, **basis, "warnings": list(score.warnings)}


def _without_none(document: Mapping[str, Any], optional: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != optional or value is not None}
