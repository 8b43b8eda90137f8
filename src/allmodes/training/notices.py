"""What a person should know before the first step: what becomes of their pictures, how often, and for how long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from ..core.files import write_text
from ..core.seeding import stream
from ..distances.base import Distance
from .footprint import called
from .trainer import Trainer

LARGE = 128  # side of pictures of which one should say at what side they are taken
SMALL = 16  # side below which networks that measure likeness see nothing
FEW = 10  # pictures
TIMED = 4  # examples
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
    if trainer.done or not dataset.fixed or len(dataset.shape) != 3:
        return
    each = settings.images / len(dataset)
    yield f"{len(dataset):,} pictures, {settings.images:,} presentations: each is shown about {each:,.3g} times."
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


def _size(trainer: Trainer, largest: tuple[int, int]) -> Iterator[str]:
    """At what side large pictures are taken, and how long that takes."""
    side, settings = trainer.dataset.shape[1], trainer.settings
    if min(largest) <= LARGE:
        return
    step = step_seconds(trainer)
    came = f"{largest[0]} x {largest[1]}"
    left = step * (settings.images - trainer.images) / settings.batch
    other = LARGE if side < LARGE else 64
    share = (other / side) ** 2
    instead = f"keeps more of them, and takes about {share:.0f} times" if share > 1 else f"takes about {share:.2g} of"
    yield (
        f"note: pictures of up to {came} are taken at {side} x {side}, as --data.size is not given. "
        f"A step of {settings.batch} takes about {lasting(step)}, all steps {lasting(left)}. "
        f"--data.size {other} {instead} the time."
    )


def step_seconds(trainer: Trainer) -> float:
    """About how long a step takes, its matching apart: every network, forwards and backwards, on a few examples."""
    device, shape = trainer.fabric.device, trainer.dataset.shape
    objective = trainer.objective
    distance: Distance | None = getattr(getattr(objective, "rounds", objective), "distance", None)
    latents = objective.prior.sample(TIMED, stream(0, "timed")).z.detach().to(device)
    images = torch.zeros(TIMED, *shape, device=device, requires_grad=True)
    with torch.random.fork_rng(), trainer.fabric.autocast():
        seconds = _turn(trainer.players["generator"], latents)
        if "discriminator" in trainer.players:
            seconds += 3 * _turn(trainer.players["discriminator"], images)  # data, samples, and the generator's turn
        if distance is not None:
            seconds += _timed(lambda: torch.autograd.grad(distance.embed(images).sum(), images))
    return seconds * trainer.settings.batch / TIMED / trainer.workers.size


def _turn(network: nn.Module, inputs: Tensor) -> float:
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    return _timed(lambda: torch.autograd.grad(called(network, inputs).sum(), weights, allow_unused=True))


def _timed(work: Callable[[], object]) -> float:
    """Seconds of a second call: the first prepares what later ones only use."""
    work()
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def lasting(seconds: float) -> str:
    """A time in the largest unit of which there are two.

    >>> lasting(0.0412), lasting(75), lasting(5 * 3600), lasting(200_000)
    ('0.041 seconds', '75 seconds', '5 hours', '2 days')
    """
    for unit, size in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.2g} seconds"
