"""What an audit found in all of its views together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import zip_longest
from typing import Any, TypeVar

import torch

from ..core.records import Score
from ..core.seeding import stream
from .difference import Difference
from .examples import Examples
from .features import halved
from .labels import Label
from .power import DRAWN, Power
from .ratios import DroppedMass, Mass
from .regions import Region
from .shares import ALPHA, surest
from .traits import Trait, traits
from .view import Example, View, core
from .words import Words

LOOKED_AT, AGAINST = 1_000, 5_000  # pictures of a part, and of the rest that it is held against, at most

Some = TypeVar("Some", bound=Mass)


@dataclass(frozen=True)
class Part:
    """A part of the data that is dropped.

    Args:
        region: the finest that says so, of the view that shows it best.
        views: the names of those that show it: its own first, then those where half of it is lost, too.
    """

    region: Region
    views: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """An audit: which part of the data a generator leaves out, in one or several views.

    All views are corrected for together. Each mass is that of the view with the largest lower bound (and, where bounds
    are equal, the largest estimate), so with 95% confidence every view's bound holds.

    Args:
        n_real: real examples.
        n_fake: samples.
        fraction: of its share that a part of the data must keep not to be called dropped.
        views: what each feature space shows, in the order in which they were looked at.
        summary: metrics that others report, by name, in all dimensions of one feature space.
        certificate: that feature space, fingerprints of both sides, sizes, seed.
        warnings: plain sentences.
        real: the data.
        fake: the samples.
        words: held against the parts; None to say none.
        alpha: chance of naming any dropped region or label, in any view, where none is.
    """

    n_real: int
    n_fake: int
    fraction: float
    views: tuple[View, ...]
    summary: Mapping[str, Score]
    certificate: Mapping[str, Any]
    warnings: tuple[str, ...]
    real: Examples
    fake: Examples
    words: Words | None = None
    alpha: float = ALPHA

    @property
    def distance(self) -> dict[str, str]:
        """``name`` and ``fingerprint`` of the feature spaces, separated by commas."""
        return {key: ", ".join(getattr(view, key) for view in self.views) for key in ("name", "fingerprint")}

    @cached_property
    def ordered(self) -> tuple[View, ...]:
        """The views, that which shows the largest loss first."""
        shown = [
            (view.shows, view.dropped_mass.ci95[0], len(view.lost), view.dropped_mass.estimate) for view in self.views
        ]
        order = sorted(range(len(shown)), key=lambda place: shown[place], reverse=True)
        return tuple(self.views[place] for place in order)

    @property
    def dropped_mass(self) -> DroppedMass:
        """How much of the data is dropped; from above nothing bounds it."""
        widest = _widest([view.dropped_mass for view in self.views])
        return DroppedMass(widest.estimate, widest.ci95, max(view.dropped_mass.shortfall for view in self.views))

    @property
    def crowded_mass(self) -> Mass:
        """Share of samples that are where the data are more than five times thinner than they."""
        return _widest([view.crowded_mass for view in self.views])

    @property
    def copied_mass(self) -> Mass:
        """Share of samples that copy an example of the data."""
        return _widest([view.copied_mass for view in self.views])

    @property
    def invented_mass(self) -> Mass:
        """Share of samples that are far from all data."""
        return _widest([view.invented_mass for view in self.views])

    @property
    def difference(self) -> Difference:
        """Whether the samples follow another law than the data: the smallest corrected p of all views."""
        return min((view.difference for view in self.views), key=lambda found: found.p_value)

    @property
    def n_counted(self) -> int:
        """The samples that the data are held against, in the view where they are fewest."""
        return min(view.n_counted for view in self.views)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Of all views and resolutions, the surest losses first."""
        return tuple(sorted((region for view in self.views for region in view.regions), key=surest))

    @property
    def labels(self) -> tuple[Label, ...]:
        """And pairs of labels, each in the view that tells it best; the surest losses first."""
        return tuple(sorted((label for view in self.views for label in view.labels), key=surest))

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """All real examples, the most under-represented first: each by the view, of those that show a loss (of all,
        the one that comes nearest to it, if none does), in which it has the fewest samples around it."""
        views = [view for view in self.ordered if view.shows] or [self.ordered[0]]
        worst: dict[int, Example] = {}
        for view in views:
            for example in view.examples:
                if example.index not in worst or example.score > worst[example.index].score:
                    worst[example.index] = example
        return tuple(sorted(worst.values(), key=lambda example: (-example.score, example.index)))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts that are dropped: in turn one of each view, without those that an earlier view shows already."""
        kept: list[list[Region]] = []
        seen: set[int] = set()
        for view in self.ordered:
            kept.append(
                [region for region in view.dropped if len(seen.intersection(core(region))) * 2 < len(core(region))]
            )
            seen |= view.lost
        turns = [region for turn in zip_longest(*kept) for region in turn if region is not None]
        return tuple(Part(region, self._showing(region)) for region in turns)

    @cached_property
    def traits(self) -> tuple[tuple[Trait, ...], ...]:
        """What sets all that is lost, and then each part, apart from the data that are in no part.

        Of held-out pictures alone, since the others drew the parts. Nothing is said of features, nor where most of what
        is in no part is missing, too: it is no rest that samples are made of.
        """
        if self.real.images is None or not self.parts or self._rest_is_lost:
            return ((),) * (1 + len(self.parts))
        order = halved(self.n_real, seed := int(self.certificate["seed"]))
        drew = set(order[: self.n_real // DRAWN].tolist())
        lost = {i for part in self.parts for i in core(part.region) if i not in drew}
        parts = [[i for i in part.region.members if i not in drew] for part in self.parts]
        away = drew.union(*(part.region.members for part in self.parts))
        mixed = torch.randperm(self.n_real, generator=stream(seed, "rest")).tolist()
        rest = [i for i in mixed if i not in away][:AGAINST]
        words = None if self.words is None else partial(self.words.measured, self.real)
        return traits(self.real.images, [_some(part) for part in (sorted(lost), *parts)], rest, words)

    @property
    def _rest_is_lost(self) -> bool:
        rest = 1 - len({i for part in self.parts for i in part.region.members}) / self.n_real
        return 1 - self.dropped_mass.estimate < rest / 2

    def _showing(self, region: Region) -> tuple[str, ...]:
        lost, others = core(region), [view for view in self.ordered if view.name != region.view]
        return (region.view, *(v.name for v in others if 2 * len(v.lost.intersection(lost)) >= len(lost)))

    @property
    def dropped(self) -> tuple[Region, ...]:
        """The regions that are dropped, the finest that say so, each loss in one view."""
        return tuple(part.region for part in self.parts)

    @property
    def labels_dropped(self) -> tuple[Label, ...]:
        """The labels that are dropped, and those pairs of labels of which neither is."""
        surely = [label for label in self.labels if label.dropped]
        alone = [label.value.items() for label in surely if len(label.value) == 1]
        return tuple(
            label for label in surely if len(label.value) == 1 or not any(one <= label.value.items() for one in alone)
        )

    @property
    def power(self) -> Power:
        """The smallest loss that these sizes see, in the view where the fewest samples are counted; none where all data
        look the same in all views."""
        power = Power.of(self.n_real, self.n_counted, views=len(self.views), labels=self._labels)
        return power if self.tells_apart else replace(power, share=None)

    @property
    def tells_apart(self) -> bool:
        """Whether the data differ from each other in any view."""
        return any(bool((view.features != view.features[0]).any()) for view in self.views)

    @property
    def sharpened(self) -> Power | None:
        """With how many it would see a smaller one; None if more do not."""
        return self.power.sharpened(views=len(self.views), labels=self._labels) if self.tells_apart else None

    @property
    def _labels(self) -> int:
        return sum(label.tested for label in self.labels)


def _some(rows: list[int]) -> list[int]:
    """At most so many of them as are looked at, evenly spread."""
    return rows[:: -(-len(rows) // LOOKED_AT) or 1]


def _widest(masses: list[Some]) -> Some:
    """The one with the largest lower bound, of these the one with the largest estimate."""
    return max(masses, key=lambda mass: (mass.ci95[0], mass.estimate))
