r"""Stacked digits: a random grey digit in every colour channel, so 10^3 modes of known probability.

.. math:: P(a, b, c) = p(a)\, p(b)\, p(c)

The standard test of mode coverage (Metz et al. 2017, Srivastava et al. 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
from ..core.records import Batch
from ..core.seeding import stream
from .base import Dataset, Labelled
from .digits import open_digits
from .fashion_mnist import FASHION_SOURCE
from .fixed import endless_order
from .mnist import MNIST_SOURCE, Digits, open_idx
from .pixels import to_float

CLASSES = 10
IDX_SOURCES = {"mnist": MNIST_SOURCE, "fashion-mnist": FASHION_SOURCE}


class Stacked(Dataset):
    """Digits drawn independently with replacement from the training images, one per channel.

    Args:
        source: which digits (or clothes).
        path: folder of the idx files, if they are not where ``ALLMODES_DATA`` says.
        channels: digits per image; 10^channels modes.
        fixed: number of stacks drawn once and for all; None draws new ones for every batch (protocol ``fresh``).
        rare_class: a digit that is drawn less often.
        rare_share: share of its natural frequency that it keeps.

    Raises:
        UserError: the digits cannot be had, or a number is out of range.
    """

    name = "stacked"

    def __init__(
        self,
        source: Literal["mnist", "fashion-mnist", "digits"] = "mnist",
        *,
        path: Path | None = None,
        channels: int = 3,
        fixed: int | None = None,
        rare_class: int | None = None,
        rare_share: float = 1.0,
    ) -> None:
        if not 1 <= channels <= 4 or not 0 < rare_share <= 1 or (fixed is not None and fixed < 1):
            raise UserError("'data' needs channels of 1 to 4, rare_share above 0 and at most 1, fixed of at least 1.")
        if rare_class is not None and not 0 <= rare_class < CLASSES:
            raise UserError(f"'data.rare_class' is {rare_class}, but must be a digit from 0 to 9.")
        self.digits: Digits = open_digits() if source == "digits" else open_idx(IDX_SOURCES[source], path)
        self.channels = channels
        self.shape = (channels, *self.digits.train_images.shape[2:])
        weights = torch.ones(CLASSES)
        if rare_class is not None:
            weights[rare_class] = rare_share
        self._weights = weights.double()[self.digits.train_labels]
        share = torch.zeros(CLASSES, dtype=torch.float64).index_add_(0, self.digits.train_labels, self._weights)
        self.class_law: Tensor = share / share.sum()
        self.rare_class = rare_class
        self.fixed = fixed is not None
        self.protocol = "fresh" if fixed is None else f"fixed set of {fixed:,} stacks"
        self._fixed = None if fixed is None else self._draw(fixed, stream(0, "stacks"))
        configuration = f"{channels}/{fixed}/{rare_class}/{rare_share}"
        self.fingerprint = digest(self.digits.fingerprint, configuration)

    def __len__(self) -> int:
        return len(self.digits.train_images) if self._fixed is None else len(self._fixed)

    def _draw(self, count: int, rng: torch.Generator) -> Tensor:
        """Which digit goes into each channel, ``(count, channels)``."""
        if self.rare_class is None:
            return torch.randint(len(self._weights), (count, self.channels), generator=rng)
        drawn = torch.multinomial(self._weights, count * self.channels, replacement=True, generator=rng)
        return drawn.view(count, self.channels)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        if self._fixed is None:
            chosen = self._draw(size, stream(seed, "stacks", number))
            index = torch.arange(number * size, (number + 1) * size)
        else:
            index = endless_order(len(self._fixed), number * size, size, seed)
            chosen = self._fixed[index]
        return Batch(to_float(self.digits.train_images[chosen, 0]), index, self._labels(chosen))

    def _labels(self, chosen: Tensor) -> Tensor:
        """The number that the digits of stacks ``(n, channels)`` make, int64 ``(n,)``."""
        place = CLASSES ** torch.arange(self.channels - 1, -1, -1)
        return (self.digits.train_labels[chosen] * place).sum(1)

    def picture(self, images: Tensor) -> Tensor:
        """The stack in colour with its digits beside it, ``(n, 3, H, (1 + channels) W)``; a stack is hard to read."""
        parts = images[:, :, None].expand(-1, -1, 3, -1, -1).unbind(1)
        colour = [images] if self.channels == 3 else []
        return torch.cat([*colour, *parts], dim=3)

    def law(self) -> Sequence[float]:
        """Product of the class frequencies that the channels are drawn by."""
        joint = torch.ones(1, dtype=torch.float64)
        for _ in range(self.channels):
            joint = torch.outer(joint, self.class_law).flatten()
        law: list[float] = joint.tolist()
        return law

    def frequencies(self) -> Tensor | None:
        if self._fixed is None:
            return super().frequencies()
        return self._labels(self._fixed).bincount(minlength=CLASSES**self.channels).double() / len(self._fixed)

    def labelled(self) -> Labelled:
        return self.digits.labelled()
