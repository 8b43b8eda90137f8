"""What a person should know before the first step: what becomes of their pictures, how often, and for how long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ..core.files import write_text
from ..evaluation.evaluate import tells_copies
from ..priors.base import Prior
from ..training.trainer import Trainer
from .forecast import Forecast

LARGE = 128  # side of pictures of which one should say at what side they are taken
SMALL = 16  # side below which networks that measure likeness see nothing
FEW = 10  # pictures
RARELY, OFTEN = 100, 500  # presentations of each picture
RARE = 0.1  # of an equal share: the weight of a component below which one should know
EXPECT = "docs/choosing.md"
HELD_OUT = "heldout.txt"
UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def announce(trainer: Trainer, folder: Path) -> None:
    """Say it on stderr, and name the pictures that are held out in ``heldout.txt``."""
    for notice in notices(trainer):
        print(notice, file=sys.stderr)
    if names := trainer.dataset.heldout_names:
        write_text(folder / HELD_OUT, "".join(f"{name}\n" for name in names))


def notices(trainer: Trainer) -> Iterator[str]:
    """Plain sentences."""
    dataset, settings = trainer.dataset, trainer.settings
    if trainer.done:
        return
    yield from rare_components(trainer.prior)
    yield from (f"note: {said}" for term in trainer.objective.terms if (said := term.note(settings.images)))
    few = tells_copies(dataset)
    if settings.patience and not few:
        yield "note: copies are only looked for where there are 10 to 2,000 pictures: patience has no effect here."
    if not dataset.fixed or len(dataset.shape) != 3:
        return
    each = float(f"{settings.images / len(dataset):.3g}")
    held = f" and {len(dataset.heldout_names):,} held out" if dataset.heldout_names else ""
    yield f"{len(dataset):,} pictures{held}, {settings.images:,} presentations: each is shown about {each:,.10g} times."
    forecast = Forecast.of(trainer)
    yield (
        f"This takes about {lasting(forecast.whole)}, {lasting(forecast.after)} of them for evaluation and report. "
        f"What to expect: {EXPECT}."
    )
    if few and each < RARELY:
        yield (
            f"note: photographs were measured with some {OFTEN} presentations of each: --images {OFTEN * len(dataset)} "
            "shows these as often."
        )
    if len(dataset) < FEW:
        yield (
            f"note: {len(dataset)} pictures are so few that a generator can only learn them by heart, and hardly "
            f"anything can be measured. Give {FEW} or more."
        )
    if dataset.sizes and min(least := min(dataset.sizes, key=min)) < SMALL:
        yield (
            f"note: there are pictures smaller than {SMALL} x {SMALL} ({least[0]} x {least[1]}): they show little, and "
            "the networks that measure likeness see nothing in them. Give larger ones if there are any."
        )
    if dataset.sizes and trainer.recipe.parts["data"].get("size") is None:
        yield from _size(trainer, max(dataset.sizes, key=min))


def rare_components(prior: Prior) -> Iterator[str]:
    """Which components of a mixture have weights so low that hardly anything is drawn of them."""
    weights = prior.weights()
    if weights is None:
        return
    found = [number for number, weight in enumerate(weights.tolist()) if weight < RARE / len(weights)]
    if found:
        which = f"component {found[0]}" if len(found) == 1 else f"{len(found)} of {len(weights)} components"
        learns = any(True for _ in prior.parameters())
        otherwise = ", or the prior learn too fast (--optimizer.prior.lr)" if learns else ""
        yield (
            f"note: hardly anything is drawn of {which} of the prior, whose weight is below a tenth of an equal share: "
            f"the data may have fewer modes (--prior.components){otherwise}."
        )


def _size(trainer: Trainer, largest: tuple[int, int]) -> Iterator[str]:
    """At what side large pictures are taken."""
    side = trainer.dataset.shape[1]
    if min(largest) <= LARGE:
        return
    came = f"{largest[0]} x {largest[1]}"
    other = LARGE if side < LARGE else 64
    share = (other / side) ** 2
    instead = f"keeps more of them, and takes about {share:.0f} times" if share > 1 else f"takes about {share:.2g} of"
    yield (
        f"note: pictures of up to {came} are taken at {side} x {side}, as --data.size is not given. "
        f"--data.size {other} {instead} the time."
    )


def lasting(seconds: float) -> str:
    """A time in the largest unit of which there are two.

    >>> lasting(0.0412), lasting(75), lasting(5 * 3600), lasting(200_000)
    ('0.041 seconds', '75 seconds', '5 hours', '2 days')
    """
    for unit, size in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} seconds"
