"""What a dataset is: typed images (or planar points) with a fingerprint, and an endless deterministic order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..core.records import Batch
from .palettes import Palette


@dataclass(frozen=True)
class Labelled:
    """A labelled set of single-channel digits or other classes, for training a classifier of them.

    Args:
        train_images: float in [-1, 1], ``(n, C, H, W)``.
        train_labels: int64 ``(n,)``.
        test_images: as ``train_images``, never seen in training.
        test_labels: int64 ``(m,)``.
        classes: number of classes.
        fingerprint: hash of the content.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: int
    fingerprint: str


class Dataset(ABC):
    """A source of data examples. Its constructor is its configuration; it opens files when it is made.

    Attributes:
        name: what recipes call it.
        shape: the shape of one example, ``(C, H, W)``, or ``(2,)`` for planar points.
        fingerprint: hash of content and configuration.
        fixed: whether the same ``len(self)`` examples come again and again, by their index.
        notes: what was left out of the source, or how it was understood, in plain sentences.
        sizes: widths and heights of a user's pictures, as they came.
        heldout_names: of the examples that are kept out of training: their files, or their places in the source.
        input_shape: the shape of what a conditional generator is given of each example, see :class:`Batch`; None where
            it is given nothing.
        palette: the colours of labels, where inputs are label maps.
    """

    name: ClassVar[str]
    shape: tuple[int, ...]
    fingerprint: str
    fixed: bool = False
    notes: tuple[str, ...] = ()
    sizes: frozenset[tuple[int, int]] = frozenset()
    heldout_names: tuple[str, ...] = ()
    input_shape: tuple[int, ...] | None = None
    palette: Palette | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of distinct examples; for data composed afresh, of those it is composed from."""

    @abstractmethod
    def batch(self, number: int, size: int, seed: int) -> Batch:
        """Batch ``number`` of the endless order that ``seed`` gives. The same arguments give the same batch.

        Args:
            number: 0, 1, 2, ...
            size: examples in a batch.
            seed: of the run.
        """

    @property
    def heldout_images(self) -> Tensor:
        """Further examples that are kept out of training, float in [-1, 1], ``(m, *shape)``; none by default."""
        return torch.zeros(0, *self.shape)

    @property
    def test_images(self) -> Tensor:
        """The test split that the source comes with, of the same shape, ``(m, *shape)``; none by default."""
        return torch.zeros(0, *self.shape)

    def unseen(self, split: Literal["heldout", "test"]) -> Batch:
        """All held-out images, or the test split, with their inputs where there are such."""
        images = self.heldout_images if split == "heldout" else self.test_images
        return Batch(images, torch.arange(len(images)))

    def picture(self, images: Tensor) -> Tensor:
        """Examples ``(n, *shape)`` as a person should see them, ``(n, C, H, W)``; as they are by default."""
        return images

    def law(self) -> Sequence[float] | None:
        """The probability of every mode of the data, ``K`` numbers that sum to 1, or None if unknown."""
        return None

    def frequencies(self) -> Tensor | None:
        """The share of each class among the examples, by their labels, float64 ``(K,)``; None if they have none."""
        law = self.law()
        return None if law is None else torch.tensor(law, dtype=torch.float64)

    def labelled(self) -> Labelled | None:
        """The labelled parts that a mode classifier learns from, or None if modes cannot be counted."""
        return None
