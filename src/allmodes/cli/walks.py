"""Walks through the latent space; of a conditional model between answers to one input, or from input to input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.pictures import save_animation, save_picture, stacked_rows
from ..core.progress import track
from ..data.inputs import Input
from ..evaluation.answers import answers_under, codes_for, input_pictures
from ..model import Model
from ..priors.base import Prior
from .base import Answer

ANSWERS = 4  # that are walked past, or carried along
STEPS = 12  # from one answer to the next; half as many in a picture
WALKED, CARRIED = 80, 150  # milliseconds of a frame


def walk(prior: Prior, stops: Tensor, *, steps: int) -> Tensor:
    """Latents along closed walks.

    Args:
        prior: says what lies between two latents.
        stops: of each walk, ``(stops, walks, d)``.
        steps: from one stop to the next.

    Returns:
        ``(stops * steps + 1, walks, d)``; the last is the first.
    """
    path = [
        prior.between(stops[stop], stops[(stop + 1) % len(stops)], step / steps)
        for stop in range(len(stops))
        for step in range(steps)
    ]
    return torch.stack([*path, stops[0]])


def past_answers(model: Model, given: Input, out: Path, *, seed: int) -> Answer:
    """One walk past answers to an input, which stands before it; in a PNG a row for each way from one to the next."""
    still = out.suffix.lower() == ".png"
    steps = STEPS // 2 if still else STEPS
    path = walk(model.prior, codes_for(model, given.values, ANSWERS, seed=seed)[:, None], steps=steps)[:, 0]
    if still:
        ways = [path[start : start + steps + 1] for start in range(0, ANSWERS * steps, steps)]
        save_picture(
            stacked_rows([_beside(model, given, answers_under(model, given.values, way)) for way in ways]), out
        )
    else:
        shown = track(path, len(path), "Drawing frames")
        frames = [
            stacked_rows([_beside(model, given, answers_under(model, given.values, code[None]))]) for code in shown
        ]
        save_animation(frames, out, milliseconds=WALKED)
    document = {"frames": len(path), "inputs": 1, "seed": seed, "out": str(out)}
    return Answer(document, f"{len(path)} frames in {out}: between {ANSWERS} answers to {given.name}")


def carried(model: Model, given: Sequence[Input], out: Path, *, seed: int) -> Answer:
    """The same codes under one input after the other: an input and its answers are a frame, or a row of a PNG.

    They come in the order of their numbers, where their names differ in these.

    Raises:
        UserError: inputs differ in size.
    """
    given = sorted(given, key=lambda each: in_order(each.name))
    first, *others = given
    for other in others:
        if other.values.shape != first.values.shape:
            sizes = [f"{each.values.shape[-1]} x {each.values.shape[-2]}" for each in (first, other)]
            raise UserError(
                f"{first.name} is of {sizes[0]} and {other.name} of {sizes[1]}: give inputs of one size to go along."
            )
    codes = codes_for(model, first.values, ANSWERS, seed=seed)
    shown = track(given, len(given), "Drawing frames")
    rows = (_beside(model, each, answers_under(model, each.values, codes)) for each in shown)
    if out.suffix.lower() == ".png":
        save_picture(stacked_rows(list(rows)), out)
    else:
        save_animation([stacked_rows([row]) for row in rows], out, milliseconds=CARRIED)
    document = {"frames": len(given), "inputs": len(given), "seed": seed, "out": str(out)}
    return Answer(document, f"{len(given)} inputs in {out}, each answered under the same {ANSWERS} codes")


def in_order(name: str) -> list[tuple[bool, int, str]]:
    """What sorts names by their numbers.

    >>> sorted(["f10", "f2", "f1", "e"], key=in_order)
    ['e', 'f1', 'f2', 'f10']
    """
    parts = re.split(r"([0-9]+)", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _beside(model: Model, given: Input, found: Tensor) -> list[Tensor]:
    """The input as a picture, and answers to it ``(n, C, H, W)``."""
    return [input_pictures(given.values[None], tuple(found.shape[1:]), model.palette)[0], *found]
