"""What an audit found in one feature space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
from scipy.stats import false_discovery_control
from torch import Tensor

from .difference import Difference
from .labels import Label
from .ratios import DroppedMass, Mass
from .regions import Region
from .shares import ALPHA

Part = TypeVar("Part", Region, Label)

CHANCE = 0.01  # of the data or the samples: less is not spoken of


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
    """What one feature space shows. Bounds, intervals and p-values are corrected for the number of views.

    Args:
        name: of the feature space.
        fingerprint: its configuration and the hash of its weights.
        n_counted: samples that are not far from all data; the data are held against these.
        dropped_mass: how much of the data is dropped; from above nothing bounds it.
        difference: whether the samples follow another law than the data.
        crowded_mass: share of samples that are where the data are more than five times thinner than they.
        copied_mass: share of samples that copy an example of the data.
        invented_mass: share of samples that are far from all data.
        regions: of all resolutions, the surest losses first.
        labels: and pairs of labels, the surest losses first; none where no labels are known.
        examples: all real examples, the most under-represented first.
        features: of the data, the same whatever the samples are, ``(n, D)``.
    """

    name: str
    fingerprint: str
    n_counted: int
    dropped_mass: DroppedMass
    difference: Difference
    crowded_mass: Mass
    copied_mass: Mass
    invented_mass: Mass
    regions: tuple[Region, ...]
    labels: tuple[Label, ...]
    examples: tuple[Example, ...]
    features: Tensor

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

    @property
    def lost(self) -> frozenset[int]:
        """The examples that this view shows to be lost: the thin members of dropped regions."""
        return frozenset(i for region in self.dropped for i in core(region))

    @property
    def shows(self) -> bool:
        """Whether it shows that anything is dropped."""
        named = any(part.dropped for part in (*self.regions, *self.labels))
        return named or self.dropped_mass.ci95[0] > CHANCE

    def document(self) -> dict[str, Any]:
        """Its figures as plain data; its regions and labels stand with those of all views."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "shows": self.shows,
            "parts": len(self.dropped),
            "n_counted": self.n_counted,
            **{mass: asdict(getattr(self, mass)) for mass in ("dropped_mass", "crowded_mass", "copied_mass")},
            "invented_mass": asdict(self.invented_mass),
            "difference": asdict(self.difference),
        }


def core(region: Region) -> tuple[int, ...]:
    """Its members that are thinly served; all of them where none is."""
    return region.members[: region.thin] or region.members


def corrected(views: Sequence[View], *, fraction: float, alpha: float = ALPHA) -> tuple[View, ...]:
    """Views whose regions and labels are tested as one family, by Benjamini and Hochberg's correction.

    Args:
        views: each with p-values of its own.
        fraction: of its share that a part must keep not to be called dropped.
        alpha: chance of calling any part of any view dropped where none is.
    """
    p_values = [part.p_value for view in views for part in (*view.regions, *view.labels)]
    q_values: Iterator[float] = iter(false_discovery_control(np.array(p_values)).tolist())
    made = []
    for view in views:
        regions = [_judged(part, next(q_values), view.name, fraction, alpha) for part in view.regions]
        labels = [_judged(part, next(q_values), view.name, fraction, alpha) for part in view.labels]
        made.append(replace(view, regions=_sorted(regions), labels=_sorted(labels)))
    return tuple(made)


def surest(part: Region | Label) -> tuple[bool, float, float]:
    """Sorts the surest losses first."""
    return not part.dropped, part.q_value, part.p_value


def _sorted(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=surest))


def _judged(part: Part, q_value: float, view: str, fraction: float, alpha: float) -> Part:
    few = part.ratio is not None and part.ratio < fraction
    return replace(part, q_value=q_value, dropped=few and q_value <= alpha, view=view)
