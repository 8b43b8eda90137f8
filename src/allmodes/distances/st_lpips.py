r"""ST-LPIPS: a perceptual distance that small shifts hardly change (Ghildyal & Liu 2022; LPIPS: Zhang et al. 2018).

.. math:: d(a, b)^2 = \sum_l \frac{1}{h_l w_l} \sum_{h, w} \Big| \sqrt{w_l} \odot
          \Big(\frac{y_l(a)}{|y_l(a)|} - \frac{y_l(b)}{|y_l(b)|}\Big) \Big|^2

with :math:`y_l` the features of slice l, of unit length at every place. The square is what that paper calls the
distance; its root is Euclidean after an embedding. It is not LPIPS, and figures of either must not be compared.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..networks.features.shift_tolerant import FILES, SMALLEST, ShiftTolerant, Trunk, load_shift_tolerant
from .base import Distance
from .colour import as_colour
from .pixels import beside_pixels, check_weight

TINY = 1e-10


class StLpips(Distance):
    """ST-LPIPS in the features of AlexNet or VGG16. Grey images are shown as colour.

    Args:
        trunk: ``"vgg"``, or ``"alex"``, which is faster.
        least: sides that smaller images are brought to first, bilinear.
        pixels: weight of the mean squared difference of pixels beside it (Adaptive IMLE trains with 0.1).
        path: the file of the weights; that of the package ``stlpips-pytorch`` by default.

    Raises:
        UserError: there is no such trunk, ``least`` is too small, ``pixels`` is negative, or there are no weights.
    """

    name = "st-lpips"
    costly = True

    def __init__(self, *, trunk: Trunk = "vgg", least: int = 64, pixels: float = 0.0, path: Path | None = None) -> None:
        super().__init__()
        check_weight(pixels)
        if trunk not in FILES:
            raise UserError(f"'distance.trunk' is {trunk!r}, but must be one of {', '.join(FILES)}.")
        if least < SMALLEST[trunk]:
            raise UserError(f"'distance.least' is {least}, but must be at least {SMALLEST[trunk]} for {trunk}.")
        self.trunk = trunk
        self.least = least
        self.pixels = pixels
        self.network = load_shift_tolerant(trunk, path)

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        slices = zip(unit_features(self.network, images, self.least), self.network.weights, strict=True)
        parts = [(unit * (weight.clamp_min(0) / unit[0, 0].numel()).sqrt()).flatten(1) for unit, weight in slices]
        return beside_pixels(torch.cat(parts, dim=1), images, self.pixels)

    def fingerprint(self) -> str:
        beside = f", pixels={self.pixels:g}" if self.pixels else ""
        return f"st-lpips({self.trunk}, {FILES[self.trunk].sha256[:8]}, least={self.least}, bilinear{beside})"


def unit_features(network: ShiftTolerant, images: Tensor, least: int) -> list[Tensor]:
    """Features after each slice, of unit length at every place, five times ``(n, C, h, w)``.

    Args:
        network: the trunk.
        images: grey or colour, ``(n, C, H, W)`` in [-1, 1].
        least: sides that smaller images are brought to first.

    Raises:
        UserError: the examples are not grey or colour images.
    """
    images = as_colour(images, "ST-LPIPS")
    if (side := min(images.shape[2:])) < least:
        size = [round(length * least / side) for length in images.shape[2:]]
        images = F.interpolate(images, size, mode="bilinear", align_corners=False)
    slices = network(images)
    return [part / (part.pow(2).sum(1, keepdim=True).add(TINY**2).sqrt() + TINY) for part in slices]
