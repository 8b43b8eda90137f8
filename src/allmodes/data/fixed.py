"""A fixed set of examples in an endless order: every epoch a fresh permutation, any batch known in advance."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..core.records import Batch
from ..core.seeding import stream
from .base import Dataset
from .pixels import to_float


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(count, generator=stream(seed, "order", epoch))


def endless_order(count: int, start: int, size: int, seed: int) -> Tensor:
    """Positions ``start .. start + size`` of the endless order of ``count`` examples, int64 ``(size,)``.

    The order depends on nothing but the seed, so batches of any size run through the same one.
    """
    parts = []
    while size > 0:
        epoch, offset = divmod(start, count)
        part = _permutation(count, seed, epoch)[offset : offset + size]
        parts.append(part)
        start, size = start + len(part), size - len(part)
    return torch.cat(parts)


class FixedImages(Dataset):
    """A dataset that holds all its images in memory, as uint8 ``(n, C, H, W)``."""

    def __init__(self, images: Tensor, labels: Tensor | None, fingerprint: str) -> None:
        self.images = images
        self.labels = labels
        self.shape = tuple(images.shape[1:])
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        return self.images.shape[0]

    def batch(self, number: int, size: int, seed: int) -> Batch:
        index = endless_order(len(self), number * size, size, seed)
        return Batch(to_float(self.images[index]), index, None if self.labels is None else self.labels[index])
