"""Colours that answers lack given their input, planted in photographs.

The data: photographs, each in warm or cold light at random, and its grey picture as the input, which does not show the
light. Answers are the same photographs in a light that the generator chooses by the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..auditing import Examples, audit
from ..data.degradations.grey import Grey
from ..data.pixels import to_float
from .planted import Pool, pools
from .table import Row

CIFAR10 = "cifar10"
PHOTOGRAPHS = 2_000  # a half of them with their answer, a half with one of the generator
SHIFT = 0.3  # of red, in [-1, 1]; blue moves the other way, so that luma stays

ABOUT = (
    "Colours missing given the input",
    f"{PHOTOGRAPHS:,} photographs of CIFAR-10 in warm or cold light at random, their grey pictures as inputs; answers "
    "in a light that depends on the input. 'dropped' is the true share of the data that has no such answers, beside "
    "what audits make of it on average; 'found': the share of audits that call a part dropped; 'differ': that say that "
    "pairs differ from those of the data.",
)

Warm = NDArray[np.bool_]  # which pictures are in warm light, (n,)
Light = Callable[[NDArray[np.float64], np.random.Generator], Warm]  # of inputs by their rank of brightness in [0, 1)


@dataclass(frozen=True)
class Habit:
    """How a generator chooses the light.

    Args:
        name: for tables.
        light: what it chooses.
        dropped: share of the data that it has no answers like.
    """

    name: str
    light: Light
    dropped: float


def at_random(bright: NDArray[np.float64], rng: np.random.Generator) -> Warm:
    """Either light, whatever the input is."""
    return rng.random(len(bright)) < 0.5


HABITS = (
    Habit("either light: nothing is missing", at_random, 0.0),
    Habit("bright inputs cold, dark ones warm", lambda bright, _: bright < 0.5, 0.5),
    Habit("the brightest fifth cold", lambda bright, rng: at_random(bright, rng) & (bright < 0.8), 0.1),
    Habit("always warm", lambda bright, _: np.full(len(bright), True), 0.5),
)


def pair_rows(audits: int, progress: Callable[[str], None], habits: Sequence[Habit] = HABITS) -> list[Row]:
    """A row for every habit; none where CIFAR-10 is not here, which is said.

    Args:
        audits: of each habit, by the seeds 0, 1, ...
        progress: told what is audited next.
        habits: of generators.
    """
    rows: list[Row] = []
    photographs = next(pools((CIFAR10,)), None)
    if photographs is None:
        return rows
    for habit in habits:
        progress(habit.name)
        judged = [
            _judged(habit, *planted(photographs, habit, np.random.default_rng(seed)), seed) for seed in range(audits)
        ]
        means = {key: float(np.mean([row[key] for row in judged])) for key in judged[0]}
        rows.append({"answers": habit.name, "n": PHOTOGRAPHS // 2, "audits": audits, **means})
    return rows


def planted(pool: Pool, habit: Habit, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Photographs ``(n, 3, H, W)`` in [-1, 1], their grey inputs ``(n, 1, H, W)`` and an answer to each."""
    images = to_float(pool.images[torch.from_numpy(rng.permutation(len(pool.images)))[:PHOTOGRAPHS]])
    data = lit(images, at_random(np.zeros(len(images)), rng))
    inputs = Grey().degrade(images, torch.arange(len(images)))
    bright = inputs.mean((1, 2, 3)).argsort(stable=True).argsort().numpy() / len(images)
    return data, inputs, lit(images, habit.light(bright, rng))


def lit(images: Tensor, warm: Warm) -> Tensor:
    """Images ``(n, 3, H, W)`` in [-1, 1] in warm or cold light, of the same luma but for what the range cuts off."""
    way = torch.from_numpy(np.where(warm, 1.0, -1.0)).float()[:, None, None, None]
    shift = SHIFT * torch.tensor([1, 0, -0.299 / 0.114])[:, None, None]
    return (0.5 * images + way * shift / 2).clamp(-1, 1)


def _judged(habit: Habit, data: Tensor, inputs: Tensor, answers: Tensor, seed: int) -> dict[str, float]:
    found = audit(Examples.of(data), Examples.of(answers), inputs=inputs, metrics=(), seed=seed)
    low = found.dropped_mass.ci95[0]
    return {
        "dropped": habit.dropped,
        "estimate": found.dropped_mass.estimate,
        "at least": low,
        "bound holds": float(low <= habit.dropped),
        "found": float(bool(found.dropped)),
        "differ": float(found.difference.p_value <= found.alpha),
    }
