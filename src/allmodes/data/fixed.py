"""A fixed set of examples in an endless order: every epoch a fresh permutation, any batch known in advance."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest
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


def held_out(count: int, share: float, fold: int) -> Tensor:
    """Which of ``count`` examples are kept out of training, bool ``(count,)``, the same on every machine.

    Args:
        count: of all examples.
        share: of them that is kept out.
        fold: which ones: those of folds 0, 1, ... are others, until all have been kept out once.

    Raises:
        UserError: the share leaves nothing to train on or keeps nothing out, or the fold is negative.
    """
    if not 0 <= share < 1 or fold < 0:
        raise UserError(
            f"'data.heldout' must be from 0 to below 1, and 'data.fold' 0 or more, but they are {share} and {fold}."
        )
    size = round(share * count)
    if size == count or (share > 0 and size == 0):
        remedy = " Give more images, or --data.heldout 0 to hold none out."
        raise UserError(f"'data.heldout' is {share}: of {count} images that is {size}.{remedy}")
    order = torch.randperm(count, generator=stream(0, "held out")).roll(-fold * size)
    return torch.zeros(count, dtype=torch.bool).index_fill_(0, order[:size], True)


class FixedImages(Dataset):
    """A dataset that holds all its images in memory.

    Args:
        images: uint8 ``(n, C, H, W)``.
        labels: of them, int64 ``(n,)``, or None.
        fingerprint: hash of the images, or of the files that they come from.
        heldout: share of the images that is kept out of training, see :func:`held_out`.
        fold: which share.
        groups: of each image, int64 ``(n,)`` from 0 on: those of a group are held out together, and the share is that
            of the groups. By default each image is one.
    """

    fixed = True

    def __init__(
        self,
        images: Tensor,
        labels: Tensor | None,
        fingerprint: str,
        *,
        heldout: float = 0.0,
        fold: int = 0,
        groups: Tensor | None = None,
    ) -> None:
        out = held_out(len(images) if groups is None else int(groups.max()) + 1, heldout, fold)
        out = out if groups is None else out[groups]
        self.images, self.heldout = (images[~out], images[out]) if out.any() else (images, images[:0])
        self.labels = labels if labels is None or not out.any() else labels[~out]
        self.heldout_names = tuple(str(place) for place in out.nonzero().flatten().tolist())
        self.shape = tuple(images.shape[1:])
        words = f"held out {heldout}, fold {fold}" + ("" if groups is None else ", by group")
        self.fingerprint = digest(fingerprint, words) if out.any() else fingerprint

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def heldout_images(self) -> Tensor:
        return to_float(self.heldout)

    def frequencies(self) -> Tensor | None:
        return None if self.labels is None else self.labels.bincount().double() / len(self.labels)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        index = endless_order(len(self), number * size, size, seed)
        return Batch(to_float(self.images[index]), index, None if self.labels is None else self.labels[index])
