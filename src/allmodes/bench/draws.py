"""The laws of the sanity checks (see :mod:`.checks`): data and samples, at a value of what is varied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

EXAMPLES = 1_000
MODES = 10

Points = NDArray[np.float64]
Sides = tuple[Points, Points]
Draw = Callable[[float, np.random.Generator], Sides]


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
