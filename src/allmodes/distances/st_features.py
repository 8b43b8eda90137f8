"""Features of ST-LPIPS' VGG16 averaged over the image: what is in it, hardly where. For audits and Frechet distances.

ST-LPIPS itself (:mod:`.st_lpips`) compares place by place, in half a million numbers an image of 64 x 64; here they
are 1,472 whatever its size.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..networks.features.shift_tolerant import FILES, load_shift_tolerant
from .base import Distance
from .st_lpips import unit_features

LEAST = 64


class StFeatures(Distance):
    """The mean over places of each slice's features, of unit length at every place.

    Args:
        path: the file of the weights; that of the package ``stlpips-pytorch`` by default.

    Raises:
        UserError: there are no weights.
    """

    name = "st-vgg16"
    costly = True

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__()
        self.network = load_shift_tolerant("vgg", path)

    def embed(self, images: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, 1472)``; see :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        return torch.cat([part.mean((2, 3)) for part in unit_features(self.network, images, LEAST)], dim=1)

    def fingerprint(self) -> str:
        return f"st-vgg16({FILES['vgg'].sha256[:8]}, least={LEAST}, bilinear, means)"
