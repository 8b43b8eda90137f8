"""Answers to pictures that are no part of a run's data, each of its own size, held against their originals.

Papers on super-resolution give PSNR and SSIM of luma alone, without a border as wide as the factor of enlargement, of
pictures of 256 values. They are here beside those of all pixels of all channels, and called so: ``psnr_y``, ``ssim_y``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.progress import track
from ..data.pixels import to_float, to_uint8
from ..model import Model
from .answers import Questions, answers_under, codes_for
from .evaluate import Evaluation
from .fidelity import OF_LUMA, Eye, Values, faithful, measured, scored
from .protocols.base import SEED

LUMA = torch.tensor([65.481, 128.553, 24.966])  # of red, green and blue from 0 to 1 (ITU-R BT.601, from 16 to 235)


@dataclass(frozen=True)
class Pair:
    """An original, and its input.

    Args:
        name: of the picture.
        truth: ``(C, H, W)`` in [-1, 1].
        given: ``(D, h, w)``, or a label map ``(h, w)``.
    """

    name: str
    truth: Tensor
    given: Tensor


def luma(images: Tensor) -> Tensor:
    """Y of YCbCr as papers on super-resolution take it: ``(..., 3, H, W) -> (..., 1, H, W)``, 16 to 235 of 255."""
    weighted = ((images + 1) / 2 * LUMA[:, None, None]).sum(-3, keepdim=True)
    return (weighted + 16) / 127.5 - 1


def evaluate_pictures(
    model: Model,
    pairs: Sequence[Pair],
    *,
    each: int,
    seed: int,
    shrink: Callable[[Tensor, Tensor], Tensor] | None,
    device: torch.device,
) -> Evaluation:
    """The figures of answers to held-out inputs, of these pictures instead; the mean is over pictures.

    Args:
        model: that answers.
        pairs: of any sizes that it takes.
        each: answers to each input.
        seed: of their codes.
        shrink: ``shrink(images, index)`` degrades answers ``(n, C, H, W)``, each as the picture of that number was;
            None where nothing does so exactly.
        device: where answers are looked at.

    Raises:
        UserError: the model takes no input of such a size, or an answer is not of the size of its original.
    """
    eye, found = Eye.of(device), list[Values]()
    for number, pair in track(enumerate(pairs), len(pairs), f"Answering {len(pairs):,} pictures"):
        codes = codes_for(model, pair.given, each, seed=SEED + seed)
        made = torch.cat([answers_under(model, pair.given, code[None]) for code in codes])[None]  # one is in memory
        _require_size(made, pair)
        found.append(of_picture(made, pair, number, shrink, eye))
    certificate = {
        "protocol": "answers to inputs",
        "answers": f"{each} to each input",
        "split": f"{len(pairs):,} pictures",
        "data": digest(*(str(part) for pair in pairs for part in (pair.name, _bytes(pair.truth), _bytes(pair.given)))),
        "seed": seed,
    }
    names = set.intersection(*(set(values) for values in found))  # a small picture has no SSIM, say
    values = {name: torch.cat([each_of[name] for each_of in found]) for name in names}
    return Evaluation(tuple(scored(values, len(pairs) * each, certificate, eye)))


def of_picture(
    made: Tensor, pair: Pair, number: int, shrink: Callable[[Tensor, Tensor], Tensor] | None, eye: Eye
) -> Values:
    """The figures of answers ``(1, each, C, H, W)`` to one picture; of one that was enlarged those of luma, too."""
    index = torch.tensor([number])
    again = None if shrink is None else lambda images: shrink(images, index)
    values = measured(made, Questions(pair.given[None], pair.truth[None], pair.name, again), eye)
    border = made.shape[-1] // pair.given.shape[-1]
    if border > 1 and len(pair.truth) == 3:
        inner = (..., slice(border, -border), slice(border, -border))
        parts = (luma(to_float(to_uint8(images)))[inner] for images in (made, pair.truth[None]))
        values |= {OF_LUMA[name]: value for name, value in faithful(*parts).items()}
    return values


def _require_size(made: Tensor, pair: Pair) -> None:
    if made.shape[2:] != pair.truth.shape:
        sizes = [f"{some.shape[-1]} x {some.shape[-2]}" for some in (made, pair.truth)]
        raise UserError(
            f"Answers to {pair.name} are of {sizes[0]} pixels, and the original of {sizes[1]}: give others."
        )


def _bytes(values: Tensor) -> str:
    return digest(str(tuple(values.shape)), values.contiguous().numpy().tobytes().hex())
