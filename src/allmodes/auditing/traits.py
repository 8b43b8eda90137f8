r"""What sets a part of the data apart from the rest, in words.

Each attribute of the part's pictures (:mod:`.attributes`) is held against that of the rest by Mann and Whitney's test
(1947). Its statistic over the number of pairs is the chance that a picture of the part has more of it than one of the
rest: 'darker than 97% of the rest' is the share of the rest that is brighter than a picture of the part, on average.
Bonferroni's correction holds over all attributes and parts together, so where parts do not differ the chance that any
word is said is at most 5%. What is sure but small is not said.
"""

from __future__ import annotations

from collections.abc import Sequence
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
SAID = 3  # of each part, at most

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Trait:
    """What sets a part apart.

    Args:
        attribute: what was measured.
        word: how the part differs in it, such as ``darker``.
        than: the share of the rest of the data of which this is true, on average over the pictures of the part.
        p_value: of so large a difference by chance, corrected for all attributes and parts.
    """

    attribute: str
    word: str
    than: float
    p_value: float


def traits(images: Tensor, parts: Sequence[Sequence[int]], rest: Sequence[int]) -> tuple[tuple[Trait, ...], ...]:
    """What sets each part apart, the clearest first.

    Args:
        images: uint8 ``(n, C, H, W)``.
        parts: the numbers of the pictures of each.
        rest: those of the pictures that they are held against.

    Returns:
        Of each part at most three traits; none where it does not surely and clearly differ.
    """
    rows, places = np.unique([*(i for part in parts for i in part), *rest], return_inverse=True)
    *ours, others = np.split(places.ravel(), np.cumsum([len(part) for part in parts]))
    enough = [len(part) >= LEAST and len(others) >= LEAST for part in ours]
    if not any(enough):
        return ((),) * len(parts)
    values = measured(images[torch.from_numpy(rows)])
    tests = sum(enough) * len(values)
    return tuple(_apart(values, part, others, tests) if able else () for part, able in zip(ours, enough, strict=True))


def _apart(
    values: dict[Attribute, Values], part: NDArray[np.int64], rest: NDArray[np.int64], tests: int
) -> tuple[Trait, ...]:
    found = []
    for attribute, each in values.items():
        held = mannwhitneyu(each[part], each[rest])
        more = float(held.statistic) / (len(part) * len(rest))
        word, than = (attribute.more, more) if more > 0.5 else (attribute.less, 1 - more)
        p_value = min(1.0, float(held.pvalue) * tests)
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
