r"""Which labels set a part of the data apart from the rest of it?

Regions are drawn without a look at labels. Where a label has nothing to do with what draws them, its count among the
:math:`m` members of a region is hypergeometric (Fisher 1935): it is named if chance does not explain so many, corrected
over labels and regions (Bonferroni), and if its odds among the members are at least twice those in all data. So a part
of many kinds is not called by those of them that happen to be the most frequent.
"""

from __future__ import annotations

from collections.abc import Mapping

from scipy.stats import hypergeom

from .shares import ALPHA

ODDS = 2  # times those in all data: what is sure but small is not said


def typical(
    counts: Mapping[str, int], totals: Mapping[str, int], *, members: int, examples: int, tests: int
) -> dict[str, float]:
    """The labels that set a part apart.

    Args:
        counts: how many of its members bear each label.
        totals: the same of all examples.
        members: of the part.
        examples: in all.
        tests: labels and parts that are looked at: the chance that any is named where none belongs to any part is at
            most 5%.

    Returns:
        How many times as frequent each is among the members as in all data, the most frequent first.

    >>> typical({"cat": 9, "dog": 3}, {"cat": 15, "dog": 85}, members=12, examples=100, tests=10)
    {'cat': 5.0}
    """
    found = {}
    for label, count in sorted(counts.items(), key=lambda item: -item[1]):
        total = totals[label]
        chance = float(hypergeom.sf(count - 1, examples, total, members)) * tests
        if chance <= ALPHA and count * (examples - total) >= ODDS * total * (members - count):
            found[label] = count * examples / (members * total)
    return found
