"""The 1,797 handwritten digits of 8 x 8 that come with scikit-learn: real data in every installation."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from ..core.files import digest
from .base import Labelled
from .fixed import FixedImages
from .mnist import Digits
from .pixels import to_float


def open_digits() -> Digits:
    """The digits, four fifths of each class for training, the rest for testing, always split alike."""
    source = load_digits()
    images = np.round(source.images * (255 / 16)).astype(np.uint8)[:, None]
    train, test = train_test_split(np.arange(len(images)), test_size=0.2, random_state=0, stratify=source.target)
    pictures, labels = torch.from_numpy(images), torch.from_numpy(source.target).long()
    fingerprint = digest(images.tobytes(), train.tobytes())
    return Digits(pictures[train], labels[train], pictures[test], labels[test], fingerprint)


class SmallDigits(FixedImages):
    """The training part of scikit-learn's digits."""

    name = "digits"

    def __init__(self) -> None:
        self._digits = open_digits()
        super().__init__(self._digits.train_images, self._digits.train_labels, self._digits.fingerprint)

    @property
    def test_images(self) -> Tensor:
        return to_float(self._digits.test_images)

    def labelled(self) -> Labelled:
        return self._digits.labelled()
