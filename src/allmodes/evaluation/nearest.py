"""Samples, and the training images nearest to them: what is copied shows at a glance.

Nearest by pixels, averaged in squares first so that a small shift or a blur hides no copy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.progress import track
from ..data.base import Dataset
from ..distances.pixels import Pixels

SIDE = 16  # pixels that are left of a side, about
BLOCK = 1_000  # training images looked at at once


def coarse_pixels(shape: Sequence[int]) -> Pixels:
    """The distance by which pictures ``(C, H, W)`` are looked up: of pixels, averaged to about 16 a side."""
    return Pixels(pool=max(1, min(shape[1:]) // SIDE))


def nearest_images(dataset: Dataset, samples: Tensor) -> Tensor:
    """The training image nearest to each sample.

    Args:
        dataset: fixed images.
        samples: ``(n, C, H, W)``.

    Returns:
        ``(n, C, H, W)``.
    """
    distance = coarse_pixels(dataset.shape)
    wanted = distance.embed(samples)
    found, best = torch.zeros_like(samples), torch.full((len(samples),), torch.inf)
    blocks = -(-len(dataset) // BLOCK)
    for number in track(range(blocks), blocks, "Looking for the nearest training images"):
        images = dataset.batch(number, min(BLOCK, len(dataset)), 0).images
        gap, which = torch.cdist(wanted, distance.embed(images)).min(1)
        closer = gap < best
        best[closer], found[closer] = gap[closer], images[which[closer]]
    return found
