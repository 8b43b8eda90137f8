r"""Distance in the features of a convolutional network with fixed random weights.

Pixels call two strokes far apart when one is moved by its own width. Rectified convolutions that nobody trained
already respond to local structure, and averaging what they say over small squares forgives small shifts:

.. math:: \phi(x) = \frac{1}{\sqrt D}\, h_2(h_1(x)), \qquad
    h_l(x) = \mathrm{average}_{2 \times 2}\, \mathrm{LeakyReLU}(w_l * x)

(Jarrett et al. 2009, "What is the best multi-stage architecture for object recognition?", who find that rectified
and averaged random filters do nearly as well as learned ones where examples are few). The weights have the variance
of He et al. (2015), which keeps the size of activations from layer to layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.seeding import stream
from .base import Distance
from .pixels import beside_pixels, check_weight

SLOPE = 0.2


class RandomConvolution(Distance):
    """Two layers of 3x3 convolutions with w and 2w channels, each averaged in squares of 2x2.

    Args:
        width: channels of the first convolution.
        seed: of the weights.
        pixels: weight of the mean squared difference of pixels beside it, which sees what averaging hides.

    Raises:
        UserError: ``width`` is not positive, or ``pixels`` negative.
    """

    name = "random-convolution"
    averaged = True

    def __init__(self, *, width: int = 8, seed: int = 0, pixels: float = 0.0) -> None:
        super().__init__()
        check_weight(pixels)
        if width < 1:
            raise UserError(f"'distance.width' is {width}, but must be at least 1.")
        self.width = width
        self.seed = seed
        self.pixels = pixels
        self._weights: list[Tensor] = []

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: the examples are no images.
        """
        if images.ndim != 4:
            raise UserError(f"The distance '{self.name}' is between images: for planar points use pixels.")
        if not self._weights or self._weights[0].shape[1] != images.shape[1]:
            self._weights = self._drawn(images.shape[1])
        self._weights = [weight.to(images.device) for weight in self._weights]
        seen = images
        for weight in self._weights:
            seen = F.leaky_relu(F.conv2d(seen, weight.to(images.dtype), padding=1), SLOPE)
            seen = F.avg_pool2d(seen, 2, ceil_mode=True)
        flat = seen.flatten(1)
        scale: float = flat.shape[1] ** -0.5
        return beside_pixels(flat * scale, images, self.pixels)

    def _drawn(self, channels: int) -> list[Tensor]:
        sizes = [channels, self.width, 2 * self.width]
        rng = stream(self.seed, "convolution", channels)
        gain = math.sqrt(2 / (1 + SLOPE**2))
        return [
            torch.randn(after, before, 3, 3, generator=rng) * gain / math.sqrt(9 * before)
            for before, after in zip(sizes, sizes[1:], strict=False)
        ]

    def fingerprint(self) -> str:
        beside = f", pixels={self.pixels:g}" if self.pixels else ""
        return f"random-convolution(width={self.width}, seed={self.seed}{beside})"
