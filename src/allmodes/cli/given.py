"""What a conditional model is given: inputs of a user's own, or those that a run's degradation makes of images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..core.configuration import build_part
from ..core.errors import UserError
from ..data.inputs import Input, read_inputs
from ..model import Model
from ..runs.run import Run
from ..training.recipe import ROOMS

SHOWN = 10


def given_to(model: Model, path: Path) -> list[Input]:
    """The inputs in a picture, or in a folder of them, for a conditional model.

    Raises:
        UserError: it takes none, or they cannot be read, or not as it was trained.
    """
    if model.generator.conditioned != "inputs":
        raise UserError("This model takes no inputs: leave out --inputs.")
    return read_inputs(path, tuple(model.config.get("inputs", ())))


def inputs_for(model: Model, arguments: argparse.Namespace, images: Tensor, files: Sequence[str]) -> Tensor | None:
    """The input of each image ``(n, C, H, W)``: one of ``--inputs`` each, or what the run's degradation makes of it.

    Args:
        model: what is asked.
        arguments: ``run``, and ``inputs`` if they were given.
        images: in [-1, 1].
        files: of the images, in their order.

    Returns:
        ``(n, ...)``; None for a model that takes no inputs.

    Raises:
        UserError: it takes none, there are others than images, or those of the run are not made of images.
    """
    if arguments.inputs is None:
        return _degraded(model, arguments.run, images) if model.generator.conditioned == "inputs" else None
    found, trained = given_to(model, arguments.inputs), tuple(model.config["inputs"])
    for each in found:
        if tuple(each.values.shape) != trained:
            sizes = [f"{shape[-1]} x {shape[-2]}" for shape in (each.values.shape, trained)]
            raise UserError(f"The input {each.name} is of {sizes[0]}, and images are made of {sizes[1]}: resize it.")
    return torch.stack([each.values for each in paired(found, len(images), files)])


def paired(found: Sequence[Input], count: int, files: Sequence[str]) -> list[Input]:
    """The input of each of so many images: the one of its name, or in their order where images or inputs have none.

    Raises:
        UserError: an image has no input, or an input no image; up to ten are named.
    """
    stems = [Path(file).stem for file in files]
    names = stems if len(set(stems)) == len(stems) else [file.replace("/", "-") for file in files]
    own = {each.name: each for each in found}
    if not names or not any(name in own for name in names):
        if len(found) != count:
            raise UserError(f"There are {count:,} images and {len(found):,} inputs: give an input for each image.")
        return list(found)
    alone = [name for name in names if name not in own] or [name for name in own if name not in names]
    if alone:
        what = "image" if alone[0] in names else "input"
        other = "input" if what == "image" else "image"
        raise UserError(
            f"No {other} is named as the {what} {', '.join(alone[:SHOWN])}: give one {other} for each {what}."
        )
    return [own[name] for name in names]


def _degraded(model: Model, run: Path, images: Tensor) -> Tensor:
    part = Run(run).recipe.parts.get("degradation") if (run / "recipe.yaml").exists() else None
    if part is None:
        raise UserError(f"{run} does not say how its inputs are made of images: give them with --inputs.")
    return build_part(*ROOMS["degradation"][:2], part, {})(images, torch.arange(len(images)))
