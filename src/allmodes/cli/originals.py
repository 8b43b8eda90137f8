"""Pictures that a conditional run is to be measured on: originals, and the input of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from ..data.degradations.base import Degradation
from ..data.folders import is_there
from ..data.inputs import Input, read_inputs
from ..evaluation.pictures import Pair
from ..model import Model
from .given import degradation_of, given_to, paired

LARGE, SMALL = "_HR", "_LR"  # how benchmarks of super-resolution name an original and its input in one folder


def pairs_in(model: Model, run: Path, images: Path, inputs: Path | None) -> list[Pair]:
    """Each original with its input: the one of its name, the ``_LR`` beside a ``_HR``, or what the run makes of it.

    Originals are cropped to what the model can answer, from the right and from below.

    Raises:
        UserError: they cannot be read or do not pair, or the run does not say how inputs are made.
    """
    if model.generator.conditioned != "inputs":
        raise UserError(f"{run} is no conditional model: --images is for those that answer inputs.")
    if not is_there(images):
        raise UserError(f"{images} does not exist: give a picture, or a folder of pictures, with --images.")
    shape, of_inputs = (tuple(model.config[key]) for key in ("shape", "inputs"))
    factor = shape[-1] // of_inputs[-1]
    originals = read_inputs(images, shape)
    if inputs is not None:
        given = given_to(model, inputs)
    elif all(each.name.endswith((LARGE, SMALL)) for each in originals):
        given = _named(read_inputs(images, of_inputs, model.palette), SMALL)
        originals = _named(originals, LARGE)
    else:
        return _degraded(model, degradation_of(run), originals, factor)
    rows = paired([each.name for each in given], len(originals), [each.name for each in originals])
    sizes = [[factor * side for side in given[row].values.shape[-2:]] for row in rows]
    return [
        Pair(each.name, _cropped(each.values, size, factor), given[row].values)
        for each, row, size in zip(originals, rows, sizes, strict=True)
    ]


def shrinking(run: Path) -> Callable[[Tensor, Tensor], Tensor] | None:
    """How answers are degraded as the run's originals were, if they were and nothing about it is random."""
    found = degradation_of(run)
    return found.degrade if found is not None and found.exact else None


def _degraded(model: Model, degradation: Degradation | None, originals: Sequence[Input], factor: int) -> list[Pair]:
    if degradation is None:
        raise UserError("This run does not say how its inputs are made of images: give them with --inputs.")
    divisor = factor * model.generator.divisor
    found = []
    for number, each in enumerate(originals):
        size = [side // divisor * divisor for side in each.values.shape[-2:]]
        if min(size) == 0:
            raise UserError(f"{each.name} is too small: this model answers in multiples of {divisor} pixels.")
        truth = each.values[..., : size[0], : size[1]]
        found.append(Pair(each.name, truth, degradation(truth[None], torch.tensor([number]))[0]))
    return found


def _named(pictures: Sequence[Input], ending: str) -> list[Input]:
    return [Input(each.name.removesuffix(ending), each.values) for each in pictures if each.name.endswith(ending)]


def _cropped(image: Tensor, size: Sequence[int], factor: int) -> Tensor:
    """An image without the rest that its input does not show, if that is all by which it is larger."""
    rest = [there - wanted for there, wanted in zip(image.shape[-2:], size, strict=True)]
    return image[..., : size[0], : size[1]] if all(0 <= more < factor for more in rest) else image
