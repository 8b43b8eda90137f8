"""The sanity checks of fidelity and coverage (Raisa, van Breugel & van der Schaar 2025, arXiv:2505.22450), anew.

Laws, sizes and ends are the paper's. It looks at 10 to 51 values of what is varied, here those that its criteria ask
for are drawn, and one or two between; sets of 10,000 are of 4,000. A measure is turned so that 1 is good and 0 is bad.

Each criterion belongs to what the paper asks of a measure: *purpose* (D1b: the curve has the shape), *data* (D3: it has
settled at 1,000 examples), *bounds* (D4: its ends are 0 and 1), *samples* (D2: their number plays no part), and *units*
(D5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .curves import Criterion, at, bell, either, falls, falls_before, level, rises, settled

EXAMPLES, MANY = 1_000, 4_000
DIMS = (1, 8, 64)
MODES = 10

Points = NDArray[np.float64]
Sides = tuple[Points, Points]
Draw = Callable[[float, np.random.Generator], Sides]  # data and samples, at a value of what is varied


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


def _sides(n: int, dim: int, rng: np.random.Generator) -> Sides:
    real, fake = rng.normal(size=(2, n, dim))
    return real, fake


def moved(dim: int) -> Draw:
    """The mean of every coordinate is another."""

    def draw(mean: float, rng: np.random.Generator) -> Sides:
        real, fake = _sides(EXAMPLES, dim, rng)
        return real, fake + mean

    return draw


def moved_with_outlier(dim: int, end: float, *, in_data: bool) -> Draw:
    """The same with one outlier, where the farthest mean is."""

    def draw(mean: float, rng: np.random.Generator) -> Sides:
        real, fake = moved(dim)(mean, rng)
        outlier = np.full((1, dim), end)
        return (np.vstack([real, outlier]), fake) if in_data else (real, np.vstack([fake, outlier]))

    return draw


def widened(dim: int) -> Draw:
    """The standard deviation is another."""

    def draw(scale: float, rng: np.random.Generator) -> Sides:
        real, fake = _sides(EXAMPLES, dim, rng)
        return real, scale * fake

    return draw


def modes(dim: int, law: Callable[[float], Points]) -> Draw:
    """Ten modes in a row, whose shares among samples follow a law ``(10,)``."""
    centres = np.linspace(0, 10, MODES)[:, None]
    width = {1: 1 / 6, 8: 1 / 3, 64: 1.0}[dim]

    def draw(value: float, rng: np.random.Generator) -> Sides:
        noise = width * rng.normal(size=(2, EXAMPLES, dim))
        shares = law(value)
        kept = rng.choice(MODES, EXAMPLES, p=shares / shares.sum())
        return centres[rng.choice(MODES, EXAMPLES)] + noise[0], centres[kept] + noise[1]

    return draw


def all_but_one_thinned(fraction: float) -> Points:
    """Shares of modes, all but the first of which lose this fraction; they need not sum to 1."""
    return np.where(np.arange(MODES) == 0, 1.0, 1 - fraction)


def last_ones_gone(count: float) -> Points:
    """The same where the last ones have none."""
    return np.where(np.arange(MODES) < MODES - count, 1.0, 0.0)


def invented(count: float, rng: np.random.Generator) -> Sides:
    """Data have five modes in the plane, samples the first so many of ten, the last five of which are inventions."""
    centres = 10 * np.random.default_rng(5).normal(size=(MODES, 2))
    kinds = rng.integers(MODES // 2, size=EXAMPLES), rng.integers(int(count), size=EXAMPLES)
    real, fake = (centres[kind] + 0.25 * rng.normal(size=(EXAMPLES, 2)) for kind in kinds)
    return real, fake


def one_for_two(dim: int) -> Draw:
    """Data have two modes, so far apart in every coordinate; samples are normal and wider."""

    def draw(apart: float, rng: np.random.Generator) -> Sides:
        real, fake = _sides(EXAMPLES, dim, rng)
        return real + apart * (rng.integers(2, size=(EXAMPLES, 1)) - 0.5), np.sqrt(1 + apart**2) * fake

    return draw


def on_sphere(dim: int) -> Draw:
    """Data on the unit sphere's surface, samples on one of another radius."""

    def draw(radius: float, rng: np.random.Generator) -> Sides:
        real, fake = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in _sides(EXAMPLES, dim, rng))
        return real, radius * fake

    return draw


def in_cubes(dim: int, examples: int | None) -> Draw:
    """Uniform on a cube and on one moved along its diagonal, a fifth in common; as many data or always so many."""
    shift = 1 - 0.2 ** (1 / dim)

    def draw(n: float, rng: np.random.Generator) -> Sides:
        return rng.random((examples or int(n), dim)), shift + rng.random((int(n), dim))

    return draw


def ball_and_torus(n: float, rng: np.random.Generator) -> Sides:
    """Data in a ball, so many samples in a torus around it."""
    return _ball(EXAMPLES, rng), _torus(int(n), rng)


def torus_and_ball(n: float, rng: np.random.Generator) -> Sides:
    """The other way round."""
    return _torus(EXAMPLES, rng), _ball(int(n), rng)


def _ball(n: int, rng: np.random.Generator) -> Points:
    way = rng.normal(size=(n, 3))
    ball: Points = 0.8 * rng.random((n, 1)) ** (1 / 3) * way / np.linalg.norm(way, axis=1, keepdims=True)
    return ball


def _torus(n: int, rng: np.random.Generator) -> Points:
    """Of radius 1 around the third axis, its tube of radius 0.1 filled."""
    around, along = rng.uniform(0, 2 * np.pi, (2, n))
    tube = 0.1 * np.sqrt(rng.random(n))
    ring = 1 + tube * np.cos(along)
    return np.stack([ring * np.cos(around), ring * np.sin(around), tube * np.sin(along)], axis=1)


def scaled(unit: float, rng: np.random.Generator) -> Sides:
    """Apart in the first of two coordinates; the second has another unit."""
    real, fake = _sides(EXAMPLES, 2, rng)
    return real * (1, unit), (fake + np.array([6, 0])) * (1, unit)


def beside_pareto(mean: float, rng: np.random.Generator) -> Sides:
    """The mean of one coordinate is another, beside one of heavy tail."""
    real, fake = _sides(EXAMPLES, 2, rng)
    real[:, 1], fake[:, 1] = rng.pareto(1.01, size=(2, EXAMPLES)) + 1
    return real, fake + np.array([mean, 0])


def one_apart(others: float, rng: np.random.Generator) -> Sides:
    """Apart in one coordinate beside so many that tell nothing."""
    real, fake = _sides(EXAMPLES, 1 + int(others), rng)
    fake[:, 0] += 6
    return real, fake


def rounded(*, data: bool) -> Draw:
    """Normal numbers of so large a standard deviation, of which one side is rounded to whole ones."""

    def draw(scale: float, rng: np.random.Generator) -> Sides:
        real, fake = (scale * side for side in _sides(EXAMPLES, 1, rng))
        return (np.round(real), fake) if data else (real, np.round(fake))

    return draw


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
