"""The sanity checks of fidelity and coverage (Raisa, van Breugel & van der Schaar 2025, arXiv:2505.22450), anew.

Laws, sizes and ends are the paper's. It looks at 10 to 51 values of what is varied, here those that its criteria ask
for are drawn, and one or two between; sets of 10,000 are smaller. A measure is turned so that 1 is good and 0 is bad.

Each criterion belongs to what the paper asks of a measure: *purpose* (D1b: the curve has the shape), *data* (D3: it has
settled at 1,000 examples), *bounds* (D4: its ends are 0 and 1), *samples* (D2: their number plays no part), and *units*
(D5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .curves import Criterion, at, bell, either, falls, falls_before, level, rises, settled
from .draws import (
    EXAMPLES,
    Draw,
    all_but_one_thinned,
    ball_and_torus,
    beside_pareto,
    in_cubes,
    invented,
    last_ones_gone,
    modes,
    moved,
    moved_with_outlier,
    on_sphere,
    one_apart,
    one_for_two,
    rounded,
    scaled,
    torus_and_ball,
    widened,
)

MANY = 4_000
DIMS = (1, 8, 64)


@dataclass(frozen=True)
class Demand:
    """What a measure must show.

    Args:
        asked: purpose, data, bounds, samples or units.
        fidelity: criteria that all must hold of a measure of fidelity.
        coverage: the same of coverage.
    """

    asked: str
    fidelity: Sequence[Criterion]
    coverage: Sequence[Criterion]

    @classmethod
    def of_both(cls, asked: str, *criteria: Criterion) -> Demand:
        return cls(asked, criteria, criteria)


@dataclass(frozen=True)
class Case:
    """One curve of a check: a dimension, or a way round.

    Args:
        name: such as ``"d 8"``.
        values: of what is varied.
        draw: data and samples.
    """

    name: str
    values: tuple[float, ...]
    draw: Draw


@dataclass(frozen=True)
class Check:
    """A sanity check.

    Args:
        name: for tables.
        varied: what is varied.
        cases: each of which must meet the demands.
        demands: of a measure.
    """

    name: str
    varied: str
    cases: tuple[Case, ...]
    demands: tuple[Demand, ...]


def _by_dim(draw: Callable[[int], Draw], values: Mapping[int, Sequence[float]]) -> tuple[Case, ...]:
    return tuple(Case(f"d {dim}", tuple(values[dim]), draw(dim)) for dim in values)


def _around(end: float) -> tuple[float, ...]:
    return (-end, -end / 2, 0.0, end / 2, end)


ENDS = {1: 6.0, 8: 3.0, 64: 1.0}  # of means, so that the laws hardly overlap
WIDTHS = {1: 3.0, 8: 1.0, 64: 0.5}  # powers of ten, of standard deviations
APART = (0.0, 1.0, 2.5, 5.0)
BELL = (
    Demand.of_both("purpose", bell(0.0)),
    Demand.of_both("bounds", at(0.0, 1), at("first", 0), at("last", 0)),
)
DROPPED = Demand("bounds", (at("first", 1), at("last", 1)), (at("first", 1),))
FIFTH = Demand.of_both("purpose", at("last", 0.2))
NOTHING = Demand.of_both("bounds", at("first", 0), at("last", 0))
SCALE, STEPS = "standard deviation, in steps of the rounding", (1.0, 30.0, 1_000.0)
WIDE = either(at("last", 0), at("last", 1))

CHECKS: tuple[Check, ...] = (
    Check("mean", "mean of the samples", _by_dim(moved, {d: _around(end) for d, end in ENDS.items()}), BELL),
    Check(
        "mean, with an outlier",
        "mean of the samples",
        tuple(
            Case(f"{'data' if side else 'samples'}, d {d}", (-end, 0.0, end), moved_with_outlier(d, end, in_data=side))
            for side in (True, False)
            for d, end in ENDS.items()
        ),
        BELL,
    ),
    Check(
        "standard deviation",
        "standard deviation of the samples",
        _by_dim(widened, {d: [10**power for power in _around(end)] for d, end in WIDTHS.items()}),
        (
            Demand("purpose", (falls,), (either(bell(1.0), rises),)),
            Demand("bounds", (at(1.0, 1), at("first", 1), at("last", 0)), (at(1.0, 1), at("first", 0), WIDE)),
        ),
    ),
    Check(
        "modes dropped together",
        "share lost of all modes but one",
        _by_dim(lambda dim: modes(dim, all_but_one_thinned), dict.fromkeys(DIMS, (0.0, 0.5, 0.95, 1.0))),
        (Demand("purpose", (level,), (falls_before(0.95),)), DROPPED),
    ),
    Check(
        "modes dropped one by one",
        "modes lost of ten",
        _by_dim(lambda dim: modes(dim, last_ones_gone), dict.fromkeys(DIMS, (0.0, 2.0, 4.0, 7.0, 9.0))),
        (Demand("purpose", (level,), (falls_before(4.0),)), DROPPED),
    ),
    Check(
        "modes dropped and invented",
        "modes of the samples; the data have the first five",
        (Case("d 2", (1.0, 3.0, 5.0, 7.0, 10.0), invented),),
        (
            Demand("purpose", (falls,), (rises,)),
            Demand("bounds", (at(5.0, 1), at("first", 1)), (at(5.0, 1), at("last", 1))),
        ),
    ),
    Check(
        "one mode for two",
        "distance between the data's modes",
        _by_dim(one_for_two, dict.fromkeys(DIMS, APART)),
        (Demand("purpose", (falls,), (either(falls, level),)), Demand.of_both("bounds", at("first", 1))),
    ),
    Check(
        "surface of a sphere",
        "radius of the samples",
        _by_dim(on_sphere, dict.fromkeys((2, 16, 128), (0.1, 0.5, 1.0, 1.5, 1.9))),
        (
            Demand.of_both("purpose", bell(1.0)),
            Demand.of_both("bounds", at(1.0, 1), at("first", 0), at("last", 0)),
        ),
    ),
    Check(
        "cubes of many sizes",
        "examples of both sides",
        _by_dim(lambda dim: in_cubes(dim, None), dict.fromkeys(DIMS, (100.0, 1_000.0, 2_000.0))),
        (FIFTH, Demand.of_both("data", settled)),
    ),
    Check(
        "cubes, many samples",
        "samples",
        _by_dim(lambda dim: in_cubes(dim, EXAMPLES), dict.fromkeys(DIMS, (100.0, 1_000.0, float(MANY)))),
        (FIFTH, Demand.of_both("samples", settled)),
    ),
    Check(
        "ball and torus",
        "samples",
        tuple(
            Case(name, (100.0, 1_000.0, float(MANY)), draw)
            for name, draw in (("data in the ball", ball_and_torus), ("data in the torus", torus_and_ball))
        ),
        (Demand.of_both("purpose", settled), Demand.of_both("bounds", at("last", 0))),
    ),
    Check(
        "unit of one coordinate",
        "unit of a coordinate that tells nothing",
        (Case("d 2", (1e-3, 0.1, 10.0, 1e3), scaled),),
        (Demand.of_both("units", level), NOTHING),
    ),
    Check("mean, beside a Pareto law", "mean of the samples", (Case("d 2", _around(6.0), beside_pareto),), BELL),
    Check(
        "one coordinate apart",
        "coordinates that tell nothing",
        (Case("all", (1.0, 10.0, 100.0, 1_000.0), one_apart),),
        (Demand.of_both("purpose", level), NOTHING),
    ),
    Check(
        "discrete data, continuous samples",
        SCALE,
        (Case("d 1", STEPS, rounded(data=True)),),
        (
            Demand.of_both("purpose", level),
            Demand("bounds", (at("first", 0), at("last", 0)), (either(at("first", 0), at("first", 1)), WIDE)),
        ),
    ),
    Check(
        "continuous data, discrete samples",
        SCALE,
        (Case("d 1", STEPS, rounded(data=False)),),
        (
            Demand.of_both("purpose", level),
            Demand("bounds", (at("first", 1), at("last", 1)), (at("first", 0), at("last", 0))),
        ),
    ),
)
