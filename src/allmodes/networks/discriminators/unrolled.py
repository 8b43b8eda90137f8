"""The small discriminators of the Unrolled GAN's Stacked MNIST protocol (Metz et al. 2017, appendix C)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..base import Discriminator, require_sizes
from ..norm import Normalisation, normalise_weights
from .convolutional import strided_trunk


class Unrolled(Discriminator):
    """Three 3x3 strided convolutions of w, 2w, 4w channels, LeakyReLU 0.3, a linear score. No normalisation.

    Args:
        shape: ``(C, H, W)``.
        width: 2 for the protocol's quarter of the generator's size, 4 for half.
        normalisation: of all weights, ``none`` or ``spectral``.
    """

    name = "unrolled"

    def __init__(self, shape: tuple[int, ...], *, width: int = 2, normalisation: Normalisation = "none") -> None:
        super().__init__()
        require_sizes(width=width)
        self.layers = strided_trunk(shape, self.name, [width, 2 * width, 4 * width], 0.3, kernel=3)
        with torch.no_grad():
            size = self.layers(torch.zeros(1, *shape)).shape[1]
        self.score = nn.Linear(size, 1)
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
