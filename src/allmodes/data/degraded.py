"""A dataset with inputs: of each image of another dataset, what a degradation makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.records import Batch
from .base import Dataset, Labelled
from .degradations.base import Degradation

APART = 2**40  # numbers of held-out and of test images, apart from those of the training


class Degraded(Dataset):
    """The images of a dataset, and beside them their inputs.

    Args:
        of: the images.
        degradation: makes the inputs.
        described: the degradation's configuration, for the fingerprint.

    Raises:
        UserError: these images cannot be degraded so, or have inputs already.
    """

    def __init__(self, of: Dataset, degradation: Degradation, described: str) -> None:
        if of.input_shape is not None:
            raise UserError(f"The data '{of.name}' come with inputs of their own: set --degradation null.")
        self.of, self.degradation = of, degradation
        self.input_shape = degradation.input_shape(of.shape)
        self.shape, self.fixed, self.notes, self.sizes = of.shape, of.fixed, of.notes, of.sizes
        self.heldout_names = of.heldout_names
        self.fingerprint = digest(of.fingerprint, described)

    def __len__(self) -> int:
        return len(self.of)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        found = self.of.batch(number, size, seed)
        return replace(found, inputs=self.degradation(found.images, found.index))

    @property
    def heldout_images(self) -> Tensor:
        return self.of.heldout_images

    @property
    def test_images(self) -> Tensor:
        return self.of.test_images

    def unseen(self, split: Literal["heldout", "test"]) -> Batch:
        found = self.of.unseen(split)
        index = found.index + (APART if split == "heldout" else 2 * APART)
        return replace(found, index=index, inputs=self.degradation(found.images, index))

    def picture(self, images: Tensor) -> Tensor:
        return self.of.picture(images)

    def law(self) -> Sequence[float] | None:
        return self.of.law()

    def frequencies(self) -> Tensor | None:
        return self.of.frequencies()

    def labelled(self) -> Labelled | None:
        return self.of.labelled()
