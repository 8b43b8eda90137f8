"""An audit in words. The first answers what people ask: is this mode collapse?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .examples import LARGEST
from .found import Found
from .power import SEEN, Power
from .ratios import Mass
from .space import HANDED
from .traits import phrase
from .view import CHANCE

SMALL = 0.05  # of the data: who would not have seen the loss of such a part does not say that nothing is lost
ALIKE = "All data look the same there, so no loss of a part of them could be seen."

Collapse = Literal["yes", "no", "cannot be told"]


@dataclass(frozen=True)
class Answer:
    """Whether modes are dropped.

    Args:
        collapse: ``yes`` if a part or a label is dropped, or more than 1% of the data surely is, in any view; ``no`` if
            not, the samples could not be told from the data, and a part of 5% that is wholly missing would have been
            seen, by a view in which data differ; else ``cannot be told``.
        shown_in: the views that show it.
        seen: the smallest part, wholly missing, that these sizes see.
        sharpened: with how many a smaller one would be seen; None if more do not help.
    """

    collapse: Collapse
    shown_in: tuple[str, ...]
    seen: Power
    sharpened: Power | None


def answered(found: Found) -> Answer:
    """The answer to whether modes are dropped."""
    shown = tuple(view.name for view in found.ordered if view.shows)
    power = found.power
    blind = power.share is None or power.share > SMALL
    collapse: Collapse = "yes" if shown else "cannot be told" if blind or _differs(found) else "no"
    return Answer(collapse, shown, power, found.sharpened)


def _differs(found: Found) -> bool:
    return found.difference.p_value <= found.alpha


def sentence(found: Found) -> str:
    """The outcome in a few sentences, the answer first."""
    answer = answered(found)
    said = [f"Mode collapse: {answer.collapse}.", _what(found), _apart(found), _where(found, answer)]
    if answer.collapse != "yes":
        said += [
            _seen(answer) if found.tells_apart else ALIKE,
            *([_no_proof(found)] if answer.collapse == "no" else []),
        ]
    return " ".join(part for part in said if part)


def _no_proof(found: Found) -> str:
    """What a no is worth."""
    more = ": more examples see smaller losses" if min(found.n_real, found.n_fake) < LARGEST else ""
    return f"That is no proof that nothing is missing{more}."


def _what(found: Found) -> str:
    """What is dropped, or why nothing is said to be."""
    low, due = found.dropped_mass.ci95[0], f"less than {found.fraction:.0%} of the samples that there should be"
    about = f"{found.dropped_mass.estimate:.0%} of the data" + (f" (at least {percent(low)})" if low > CHANCE else "")
    if found.dropped or found.labels_dropped:
        if found.dropped_mass.estimate >= CHANCE:
            return f"The generator drops about {about}: there it makes {due}{_lost(found)}."
        return f"The generator makes too few of some parts of the data: {due} were counted there{_lost(found)}."
    if low > CHANCE:
        return f"No part of the data stands out as missing, but around {about} there are {due}."
    if _differs(found):
        least = found.dropped_mass.shortfall
        short = f" and at least {percent(least)} of the data's mass is missing somewhere," if least > CHANCE else ""
        return (
            f"The samples differ from the data (p = {found.difference.p_value:.2g}),{short} though no part could be "
            f"named that has {due}. How much is missing cannot be bounded from above."
        )
    return "No part of the data was found to be missing, and the samples could not be told from the data."


def _lost(found: Found) -> str:
    """The labels that are dropped, with their shares, as the end of a sentence."""
    lost = [
        f"{' and '.join(f'{name} {value}' for name, value in label.value.items())} "
        f"({percent(label.data_share)} of the data, {percent(label.samples_share.estimate)} of the samples)"
        for label in found.labels_dropped
        if label.samples_share is not None
    ]
    return f", above all of {', '.join(lost[:3])}" if lost else ""


def _apart(found: Found) -> str:
    """What sets all that is lost apart from the rest of the data, if anything clearly does."""
    said = phrase(found.traits[0])
    return f"What is missing stands out: {said}." if said else ""


def _where(found: Found, answer: Answer) -> str:
    """Which views were taken, and which of them show a loss."""
    names = [view.name for view in found.views]
    if len(names) == 1:
        return "" if names[0].startswith(HANDED[0]) else f"In this view: {names[0]}."
    if not answer.shown_in:
        return f"In these views: {_listed(names)}."
    others = [name for name in names if name not in answer.shown_in]
    return f"In these views: {_listed(answer.shown_in)}" + (f"; not in {_listed(others)}." if others else ".")


def _seen(answer: Answer) -> str:
    """The size of the losses that would have been seen, and with how many a smaller one would be."""
    now, better = answer.seen, answer.sharpened
    if now.share is None:
        said = "So few examples and samples see no loss at all"
    else:
        said = f"A part of {percent(now.share)} of the data, wholly missing, would be seen with a chance of {SEEN:.0%}"
    if better is None or better.share is None:
        return f"{said}."
    data = f"{better.n_real:,} examples and " if better.n_real > now.n_real else ""
    return f"{said}; with {data}{better.n_fake:,} samples, one of {percent(better.share)}."


def remarks(found: Found) -> tuple[str, ...]:
    """What else a reader must know of the samples, a sentence each."""
    said = []
    low, _ = found.crowded_mass.ci95
    if low > CHANCE:
        said.append(
            f"About {found.crowded_mass.estimate:.0%} of the samples (at least {percent(low)}) crowd where there are "
            f"hardly any data{_in(found, 'crowded_mass')}: too many of a kind, or unlike all data."
        )
    if found.copied_mass.ci95[0] > CHANCE:
        said.append(
            f"About {found.copied_mass.estimate:.0%} of the samples ({_ends(found.copied_mass)}) copy an example of "
            f"the data{_in(found, 'copied_mass')}: what they cover is remembered, not learnt."
        )
    if found.invented_mass.ci95[0] > CHANCE:
        said.append(
            f"About {found.invented_mass.estimate:.0%} of the samples ({_ends(found.invented_mass)}) are farther from "
            f"the data than 99% of other data{_in(found, 'invented_mass')}. What is missing is held against the others."
        )
    return tuple(said)


def _ends(mass: Mass) -> str:
    low, high = mass.ci95
    return f"{percent(low)} to {percent(1 if high is None else high)}"


def _in(found: Found, mass: str) -> str:
    """The views that surely show such samples, where there are several."""
    shown: list[Mass] = [getattr(view, mass) for view in found.views]
    names = [view.name for view, each in zip(found.views, shown, strict=True) if each.ci95[0] > CHANCE]
    return f" (in {_listed(names)})" if len(found.views) > 1 else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def percent(share: float) -> str:
    """With a digit after the point below 10%, and two where one would make it nothing."""
    if 0 < share < 0.0005:
        return f"{share:.2%}"
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
