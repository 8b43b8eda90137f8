"""What an audit found in one feature space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from torch import Tensor

from .difference import Difference
from .labels import Label, best_told
from .ratios import DroppedMass, Mass
from .regions import Region
from .shares import ALPHA, Part, corrections, judged

CHANCE = 0.01  # of the data or the samples: less is not spoken of


@dataclass(frozen=True)
class Example:
    """A real example and how under-represented it is.

    Args:
        index: its number among the data that are looked at, all but of more than 50,000 (see :class:`.examples.Draw`).
        score: minus the mean log ratio of the densities around it: 0 where all is as it should be.
        nearest: the number of the sample nearest to it, among those that are looked at.
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
        labels: and pairs of labels, that this view tells best, the surest losses first; none where no labels are known.
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
    """Views whose regions and labels are tested as one family, each label in the view that tells it best alone.

    Args:
        views: each with p-values of its own.
        fraction: of its share that a part must keep not to be called dropped.
        alpha: chance of calling any part of any view dropped where none is.
    """
    views = [replace(v, labels=mine) for v, mine in zip(views, best_told([v.labels for v in views]), strict=True)]
    family = [[part for part in (*view.regions, *view.labels) if part.tested] for view in views]
    q_values: Iterator[float] = iter(corrections([part.p_value for parts in family for part in parts]))
    made = []
    for view in views:
        regions = _judged(view.regions, view.name, q_values, fraction, alpha)
        labels = _judged(view.labels, view.name, q_values, fraction, alpha)
        made.append(replace(view, regions=regions, labels=labels))
    return tuple(made)


def _judged(
    parts: Sequence[Part], view: str, q_values: Iterator[float], fraction: float, alpha: float
) -> tuple[Part, ...]:
    mine = list(islice(q_values, sum(part.tested for part in parts)))
    return judged([replace(part, view=view) for part in parts], fraction=fraction, alpha=alpha, q_values=mine)
