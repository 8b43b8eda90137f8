"""What a conditional model is given: inputs of a user's own, or those that a run's degradation makes of images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..auditing.examples import Examples, Source, is_run, open_examples
from ..core.configuration import build_part
from ..core.errors import UserError
from ..data.degradations.base import Degradation
from ..data.inputs import Input, read_inputs
from ..data.pixels import to_float
from ..model import Model, load
from ..runs.run import Run
from ..training.recipe import ROOMS

SHOWN = 10


def given_to(model: Model, path: Path) -> list[Input]:
    """The inputs in a picture, or in a folder of them, for a conditional model.

    Raises:
        UserError: it takes none, or they cannot be read, or one is of no size that it takes.
    """
    if model.generator.conditioned != "inputs":
        raise UserError("This model takes no inputs: leave out --inputs.")
    found = read_inputs(path, tuple(model.config.get("inputs", ())), model.palette)
    for each in found:
        try:
            model.generator.require(each.values[None], 1)
        except UserError as error:
            raise UserError(f"{path}, {each.name}: {error}") from error
    return found


def inputs_for(model: Model, run: Path, path: Path | None, *, images: Tensor, files: Sequence[str]) -> Tensor | None:
    """The input of each image ``(n, C, H, W)``: one of a user's each, or what the run's degradation makes of it.

    Args:
        model: what is asked.
        run: where it is from.
        path: of the inputs, if they were given.
        images: in [-1, 1].
        files: of the images, in their order.

    Returns:
        ``(n, ...)``; None for a model that takes no inputs.

    Raises:
        UserError: it takes none, there are others than images, those of the run are not made of images, or images are
            of another size than it was trained for.
    """
    if path is None and model.generator.conditioned != "inputs":
        return None
    found = [] if path is None else given_to(model, path)
    made, trained = (tuple(model.config[key]) for key in ("shape", "inputs"))
    if tuple(images.shape[1:]) != made:
        shape = tuple(images.shape[1:])
        raise UserError(f"Images are of shape {shape}, and this model makes {made}: bring them to that.")
    if path is None:
        return _degraded(run, images)
    for each in found:
        if tuple(each.values.shape) != trained:
            sizes = [f"{shape[-1]} x {shape[-2]}" for shape in (each.values.shape, trained)]
            raise UserError(f"The input {each.name} is of {sizes[0]}, and images are made of {sizes[1]}: resize it.")
    rows = paired([each.name for each in found], len(images), files)
    return torch.stack([found[row].values for row in rows])


def pairs_of(arguments: argparse.Namespace) -> tuple[Source, Source, Tensor | None]:
    """The data, the samples and, where these are answers, the input of each example. Data of a model are of its size.

    Args:
        arguments: paths ``real`` and ``fake``, and ``inputs`` if they were given; and ``skip_damaged``.

    Raises:
        UserError: they cannot be read, or do not pair.
    """
    model = load(arguments.fake) if is_run(arguments.fake) else None
    if arguments.inputs is None and (model is None or model.generator.conditioned != "inputs"):
        return arguments.real, arguments.fake, None
    made = None if model is None else Examples.of(torch.zeros(1, *model.config["shape"]))
    data = open_examples(arguments.real, like=made, skip_damaged=arguments.skip_damaged)
    if data.images is None:
        raise UserError(f"{arguments.real} holds features, and pairs are of images: leave out --inputs.")
    if model is not None:
        images = to_float(data.images)
        given = inputs_for(model, arguments.fake, arguments.inputs, images=images, files=data.files)
        return data, model, given
    answers = open_examples(arguments.fake, like=data, skip_damaged=arguments.skip_damaged)
    found = open_examples(arguments.inputs)
    if answers.images is None or found.images is None:
        raise UserError("Answers and inputs must be images, as the data are.")
    answers = answers[torch.tensor(paired(named(answers.files), len(data), data.files, what="answer"))]
    return data, answers, to_float(found.images[paired(named(found.files), len(data), data.files)])


def named(files: Sequence[str]) -> list[str]:
    """What pictures are called: their files without endings, where that tells them apart."""
    stems = [Path(file).stem for file in files]
    return stems if len(set(stems)) == len(stems) else [file.replace("/", "-") for file in files]


def paired(others: Sequence[str], count: int, files: Sequence[str], *, what: str = "input") -> list[int]:
    """Which input each of so many images has: the one of its name, or, which is told, in its place if none has a name.

    Args:
        others: what inputs are called.
        count: of images.
        files: of the images, in their order.
        what: the others are, in a word.

    Raises:
        UserError: an image has no input, or an input no image; up to ten are named.
    """
    names, places = named(files), {name: place for place, name in enumerate(others)}
    if places.keys().isdisjoint(names):
        if others and len(others) != count:
            raise UserError(f"There are {count:,} images and {len(others):,} {what}s: give one {what} for each image.")
        if others and names:
            first = f"{others[0]} with {names[0]}"
            print(f"No {what} is named as an image: they are paired in their order, {first}.", file=sys.stderr)
        return list(range(count))
    alone = [name for name in names if name not in places], [name for name in others if name not in set(names)]
    for lonely, lacks, of in ((alone[0], what, "image"), (alone[1], "image", what)):
        if lonely:
            raise UserError(
                f"No {lacks} is named as the {of} {', '.join(lonely[:SHOWN])}: give one {lacks} for each {of}."
            )
    return [places[name] for name in names]


def degradation_of(run: Path) -> Degradation | None:
    """What makes the inputs of a run, if it makes them of images."""
    part = Run(run).recipe.parts.get("degradation") if (run / "recipe.yaml").exists() else None
    if part is None:
        return None
    found: Degradation = build_part(*ROOMS["degradation"][:2], part, {})
    return found


def _degraded(run: Path, images: Tensor) -> Tensor:
    degradation = degradation_of(run)
    if degradation is None:
        raise UserError(f"{run} does not say how its inputs are made of images: give them with --inputs.")
    return degradation(images, torch.arange(len(images)))
