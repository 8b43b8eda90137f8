"""Features of ST-LPIPS' trunks averaged over the image: what is in it, hardly where. For audits, Frechet distances,
precision and recall.

ST-LPIPS itself (:mod:`.st_lpips`) compares place by place, in half a million numbers an image of 64 x 64; here they
are some 1,000 whatever its size.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from ..networks.features.shift_tolerant import FILES, Trunk, load_shift_tolerant
from .base import Distance
from .st_lpips import unit_features


class TrunkFeatures(Distance):
    """The mean over places of each slice's features, of unit length at every place.

    Args:
        path: the file of the weights; that of the package ``stlpips-pytorch`` by default.

    Attributes:
        trunk: the network.
        least: sides that smaller images are brought to first, bilinear.

    Raises:
        UserError: there are no weights.
    """

    costly = True
    trunk: ClassVar[Trunk]
    least: ClassVar[int]

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__()
        self.network = load_shift_tolerant(self.trunk, path)

    def embed(self, images: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, D)``; see :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        return torch.cat([part.mean((2, 3)) for part in unit_features(self.network, images, self.least)], dim=1)

    def fingerprint(self) -> str:
        return f"{self.name}({FILES[self.trunk].sha256[:8]}, least={self.least}, bilinear, means)"


class StFeatures(TrunkFeatures):
    """1,472 features of VGG16: for photographs."""

    name = "st-vgg16"
    trunk = "vgg"
    least = 64


class StAlexFeatures(TrunkFeatures):
    """1,152 features of AlexNet, from 32 pixels a side on: for many small images, some five times as fast.

    What they see of digits: an image of fewer strokes, softer ones or two laid over each other lies outside of the
    data, where pixels put both of the latter into its very middle; a little noise changes nothing.
    """

    name = "st-alexnet"
    trunk = "alex"
    least = 32
