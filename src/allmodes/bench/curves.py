"""What a curve of fidelity or coverage must look like (Raisa, van Breugel & van der Schaar 2025, arXiv:2505.22450).

A curve is the mean of a measure over repeats, at growing values of what is varied. What the paper says in words, its
published criteria say in numbers, and these are kept: a level, or a value at an end, is met within 0.05; a rise or fall
is one of at least 0.2; an end that should be the highest or lowest is so within 0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

Curve = Mapping[float, float]
Verdict = bool | str  # the name of the reading that it passes by, where there are two
Criterion = Callable[[Curve], Verdict]

NEAR, LARGE, SMALL = 0.05, 0.2, 0.1


def at(place: str | float, target: float) -> Criterion:
    """Near the target at a value, or at the ``"first"`` or ``"last"`` one."""
    return lambda curve: abs(_value(curve, place) - target) <= NEAR


def level(curve: Curve) -> Verdict:
    """The same throughout."""
    return max(curve.values()) - min(curve.values()) <= NEAR


def settled(curve: Curve) -> Verdict:
    """The same from the middle value on."""
    return level({x: y for x, y in curve.items() if x >= median(curve)})


def falls(curve: Curve) -> Verdict:
    """High at first, low at last."""
    first, last = _value(curve, "first"), _value(curve, "last")
    highest, lowest = max(curve.values()), min(curve.values())
    return first - last >= LARGE and highest - first <= SMALL and last - lowest <= SMALL


def rises(curve: Curve) -> Verdict:
    """Low at first, high at last."""
    return falls({-x: y for x, y in curve.items()})


def falls_before(place: float) -> Criterion:
    """High at first, low at last, and lower by a tenth at this value already."""
    return lambda curve: falls(curve) and _value(curve, "first") - curve[place] >= SMALL


def bell(middle: float) -> Criterion:
    """High at this value, and low at both ends, one of which is the lowest."""

    def shaped(curve: Curve) -> Verdict:
        ends, top, lowest = (_value(curve, "first"), _value(curve, "last")), curve[middle], min(curve.values())
        return top - max(ends) >= LARGE and max(curve.values()) - top <= SMALL and min(ends) - lowest <= SMALL

    return shaped


def either(low: Criterion, high: Criterion) -> Criterion:
    """Where samples are wider than the data, coverage may be read in two ways: as low, or as high."""
    return lambda curve: "low" if low(curve) else "high" if high(curve) else False


def _value(curve: Curve, place: str | float) -> float:
    ends = {"first": min(curve), "last": max(curve)}
    return curve[ends[place] if isinstance(place, str) else place]
