"""A fixed set of pairs: images, and beside each the input that it is an answer to."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from ..core.files import digest
from ..core.records import Batch
from .fixed import FixedImages, held_out
from .palettes import Palette
from .pixels import to_float


class PairedImages(FixedImages):
    """Images and their inputs, all in memory.

    Args:
        images: uint8 ``(n, C, H, W)``.
        inputs: pictures, uint8 ``(n, D, h, w)``, or label maps, uint8 ``(n, h, w)``.
        fingerprint: hash of both, or of the files that they come from.
        palette: of label maps; None where inputs are pictures.
        heldout: share of the pairs that is kept out of training, see :func:`held_out`.
        fold: which share.
    """

    def __init__(
        self,
        images: Tensor,
        inputs: Tensor,
        fingerprint: str,
        *,
        palette: Palette | None = None,
        heldout: float = 0.0,
        fold: int = 0,
    ) -> None:
        print_of = fingerprint if palette is None else digest(fingerprint, *palette.colours)
        super().__init__(images, None, print_of, heldout=heldout, fold=fold)
        out = held_out(len(images), heldout, fold)
        self.inputs, self.heldout_inputs = inputs[~out], inputs[out]
        self.input_shape, self.palette = tuple(inputs.shape[1:]), palette

    def batch(self, number: int, size: int, seed: int) -> Batch:
        found = super().batch(number, size, seed)
        return replace(found, inputs=as_inputs(self.inputs[found.index]))

    @property
    def test_inputs(self) -> Tensor:
        """Of the test split, as ``inputs`` are; none by default."""
        return self.inputs[:0]

    def unseen(self, split: Literal["heldout", "test"]) -> Batch:
        images = self.heldout_images if split == "heldout" else self.test_images
        inputs = self.heldout_inputs if split == "heldout" else self.test_inputs
        return Batch(images, torch.arange(len(images)), inputs=as_inputs(inputs))


def as_inputs(stored: Tensor) -> Tensor:
    """Inputs of 8 bits as :class:`Batch` has them: pictures as float in [-1, 1], label maps as int64."""
    return to_float(stored) if stored.ndim == 4 else stored.long()
