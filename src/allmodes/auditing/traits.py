r"""What sets a part of the data apart from the rest, in words.

Each attribute of the part's pictures (:mod:`.attributes`) is held against that of the rest by Mann and Whitney's test
(1947). Its statistic over the number of pairs is the chance that a picture of the part has more of it than one of the
rest: 'darker than 97% of the rest' is the share of the rest that is brighter than a picture of the part, on average.
Bonferroni's correction holds over all attributes and parts together, so where parts do not differ the chance that any
word is said is at most 5%. What is sure but small is not said.

Words of a vocabulary (:mod:`.words`) are attributes, too: to be like a word more than the rest. There are hundreds, so
they have half of the error to themselves, and the other attributes keep the other half, however long the vocabulary is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu
from torch import Tensor

from .attributes import Attribute, measured
from .shares import ALPHA

LEAST = 5  # pictures on either side
CLEAR = 0.75  # of the rest, that a picture must surpass on average for its part to be called different
SAID = 3  # attributes of each part, and words, at most

Values = NDArray[np.float64]
Measured = Mapping[Attribute, Values]


@dataclass(frozen=True)
class Trait:
    """What sets a part apart.

    Args:
        attribute: what was measured.
        word: how the part differs in it, such as ``darker``, or ``more 'dog'``.
        than: the share of the rest of the data of which this is true, on average over the pictures of the part.
        p_value: of so large a difference by chance, corrected for all attributes and parts.
    """

    attribute: str
    word: str
    than: float
    p_value: float


def traits(
    images: Tensor, parts: Sequence[Sequence[int]], rest: Sequence[int], words: Callable[[], Measured] | None = None
) -> tuple[tuple[Trait, ...], ...]:
    """What sets each part apart, the clearest first.

    Args:
        images: uint8 ``(n, C, H, W)``.
        parts: the numbers of the pictures of each.
        rest: those of the pictures that they are held against.
        words: measures how much every picture ``(n,)`` is like each word; None to say no words.

    Returns:
        Of each part at most three traits and three words; none where it does not surely and clearly differ.
    """
    rows, places = np.unique([*(i for part in parts for i in part), *rest], return_inverse=True)
    *ours, others = np.split(places.ravel(), np.cumsum([len(part) for part in parts]))
    enough = [len(part) >= LEAST and len(others) >= LEAST for part in ours]
    if not any(enough):
        return ((),) * len(parts)
    families: list[Measured] = [measured(images[torch.from_numpy(rows)])]
    if words is not None:
        families.append({word: values[rows] for word, values in words().items()})
    tests = sum(enough) * len(families)  # of each attribute, were each family one attribute
    return tuple(
        tuple(trait for family in families for trait in _apart(family, part, others, tests * len(family)))
        if able
        else ()
        for part, able in zip(ours, enough, strict=True)
    )


def _apart(values: Measured, part: NDArray[np.int64], rest: NDArray[np.int64], tests: int) -> tuple[Trait, ...]:
    """What sets a part apart of attributes that are all said either way, or all of their larger side alone."""
    sides = "greater" if all(attribute.less is None for attribute in values) else "two-sided"
    table = np.stack(list(values.values()), axis=1)
    held = mannwhitneyu(table[part], table[rest], alternative=sides, axis=0)
    shares, found = held.statistic / (len(part) * len(rest)), []
    for attribute, share, chance in zip(values, shares.tolist(), held.pvalue.tolist(), strict=True):
        less = attribute.less is not None and share <= 0.5
        word, than = (attribute.less or "", 1 - share) if less else (attribute.more, share)
        p_value = min(1.0, chance * tests)
        if p_value <= ALPHA and than >= CLEAR:
            found.append(Trait(attribute.name, word, than, p_value))
    return tuple(sorted(found, key=lambda trait: -trait.than)[:SAID])


def phrase(found: Sequence[Trait]) -> str:
    """Traits as a part of a sentence, or nothing: ``darker than 97% of the rest, blurrier than 80%``."""
    said = [f"{trait.word} than {_share(trait.than)}" for trait in found]
    return ", ".join([f"{said[0]} of the rest of the data", *said[1:]]) if said else ""


def _share(than: float) -> str:
    """Rounded to a percent, and never to all where it is not all."""
    return "all" if than == 1 else f"{min(round(100 * than), 99)}%"
