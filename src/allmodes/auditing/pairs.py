r"""Pairs of an input and an answer, so that an audit sees what is missing given the input.

All colours of the data may be among the answers, and yet each input be given but one. So input and answer are looked at
together, as the Frechet joint distance does (DeVries, Romero, Pineda & Drozdzal 2019): beside the features of an answer
:math:`e(x)` stand those of its input :math:`e(y)`,

.. math:: \big(\; e(x) - \beta\, e(y),\;\; w\, e(y) \;\big)

where :math:`\beta`, a number, is the slope by which answers follow inputs in the data, so that what an input says of
its answer is not counted twice, and w makes both parts as large. A row of the data is used on one side only: an answer
to the input of an example would lie near that example, as copies do.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.seeding import stream
from ..evaluation.answers import input_pictures
from ..model import Model
from .examples import Examples

PAIRS = "What is missing is missing given the input: pairs of input and answer are compared, each input on one side."


def split_pairs(data: Examples, fake: Examples | Model, inputs: Tensor, seed: int) -> tuple[Examples, Examples, Tensor]:
    """One half of the data with their inputs, answers to the inputs of the other half, and the rows of the first.

    Args:
        data: real examples.
        fake: an answer to the input of each of these, or a model that answers.
        inputs: what the examples answer, in their order: images ``(n, D, h, w)`` in [-1, 1], label maps
            ``(n, h, w)`` of a model that answers such, or features ``(n, d)``.
        seed: of the halves and of the answers.

    Raises:
        UserError: they do not go together.
    """
    _require(data, fake, inputs)
    mine, others = torch.randperm(len(data), generator=stream(seed, "pairs")).tensor_split(2)
    if isinstance(fake, Model):
        answers = Examples.of(fake.sample(len(others), seed=seed, condition=inputs[others]))
    else:
        answers = fake[others]
    palette = fake.palette if isinstance(fake, Model) else None
    shape = None if data.images is None else tuple(data.images.shape[1:])
    given = [
        Examples.of(inputs[rows] if shape is None else input_pictures(inputs[rows], shape, palette))
        for rows in (mine, others)
    ]
    real = replace(data[mine], given=given[0], notes=(*data.notes, PAIRS))
    return real, replace(answers, given=given[1]), mine


def _require(data: Examples, fake: Examples | Model, inputs: Tensor) -> None:
    labels = isinstance(fake, Model) and fake.palette is not None
    if not inputs.is_floating_point() and not labels:
        raise UserError(f"The inputs are of {inputs.dtype}: give floats, of images from -1 to 1.")
    counts = {"inputs": len(inputs)} | ({} if isinstance(fake, Model) else {"answers": len(fake)})
    if any(count != len(data) for count in counts.values()):
        there = " and ".join(f"{count:,} {what}" for what, count in counts.items())
        raise UserError(f"There are {len(data):,} examples for {there}: give one for each, in the same order.")
    if (inputs.ndim == 2) != (data.images is None):
        raise UserError("Examples and inputs must be both images or both features: give both alike.")


def joined(real: Tensor, fake: Tensor, inputs: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Features of both sides beside those of their inputs.

    Args:
        real: of the data ``(n, D)``.
        fake: of the answers ``(m, D)``.
        inputs: of those of the data ``(n, D)``.
        others: of those of the answers ``(m, D)``.

    Returns:
        ``(n, 2 D)`` and ``(m, 2 D)``.
    """
    slope, spread = 0.0, _energy(inputs)
    if spread and real.shape[1] == inputs.shape[1]:
        slope = float(((real - real.mean(0)) * (inputs - inputs.mean(0))).double().sum()) / (spread * len(real))

    def rest(answers: Tensor, asked: Tensor) -> Tensor:
        return answers - slope * asked if slope else answers

    weight = (_energy(rest(real, inputs)) / spread) ** 0.5 if spread else 0.0
    sides = [torch.cat([rest(x, y), weight * y], 1) for x, y in ((real, inputs), (fake, others))]
    return sides[0], sides[1]


def _energy(features: Tensor) -> float:
    """The mean squared distance from the centre."""
    return float((features - features.mean(0)).double().square().sum(1).mean())
