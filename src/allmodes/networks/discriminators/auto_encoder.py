"""Discriminators that are autoencoders, all through a code of few numbers (Berthelot, Schumm & Metz 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from ..base import require_sizes
from ..dense import dense_layers, require_widths
from ..drawing import AutoEncoding
from ..generators.dcgan import side_plan, upsampling
from .convolutional import strided_trunk


class AutoEncoder(AutoEncoding):
    """Strided convolutions down to 4 x 4, a code, and transposed convolutions back; LeakyReLU, no normalisation.

    Args:
        shape: ``(C, H, H)``.
        width: channels of the first convolution and before the last; they double towards the code.
        code: numbers that an image must pass through.
        slope: of the LeakyReLU.

    Raises:
        UserError: the examples are no images.
    """

    name = "auto-encoder"

    def __init__(self, shape: tuple[int, ...], *, width: int = 32, code: int = 64, slope: float = 0.2) -> None:
        super().__init__()
        require_sizes(width=width, code=code)
        sides = side_plan(shape[-1])
        widths = [width * 2**k for k in range(len(sides) - 1)]
        trunk = strided_trunk(shape, self.name, widths, slope)
        with torch.no_grad():
            size = trunk(torch.zeros(1, *shape)).shape[1]
        self.encoder = nn.Sequential(*trunk, nn.Linear(size, code))
        layers: list[nn.Module] = [nn.Linear(code, size), nn.Unflatten(1, (widths[-1], sides[0], sides[0]))]
        for (side, to), (channels, out) in zip(pairwise(sides), pairwise([*widths[::-1], shape[0]]), strict=True):
            layers += [nn.LeakyReLU(slope), upsampling(channels, out, side=side, to=to)]
        self.decoder = nn.Sequential(*layers)

    def reconstructed(self, images: Tensor) -> Tensor:
        drawn: Tensor = self.decoder(self.encoder(images))
        return drawn


class DenseAutoEncoder(AutoEncoding):
    """Fully connected layers with LeakyReLU down to a code and, in reverse, back: for points, and images made flat.

    Args:
        shape: of one example.
        code: numbers that an example must pass through.
        widths: of the hidden layers before the code.
        slope: of the LeakyReLU.
    """

    name = "dense-auto-encoder"

    def __init__(
        self, shape: tuple[int, ...], *, code: int = 1, widths: Sequence[int] = (128, 128), slope: float = 0.2
    ) -> None:
        super().__init__()
        require_sizes(code=code)
        require_widths(widths)
        down, up = [prod(shape), *widths], [code, *reversed(widths)]
        self.encoder = nn.Sequential(nn.Flatten(), *dense_layers(down, slope), nn.Linear(down[-1], code))
        last = [nn.Linear(up[-1], prod(shape)), nn.Unflatten(1, tuple(shape))]
        self.decoder = nn.Sequential(*dense_layers(up, slope), *last)

    def reconstructed(self, images: Tensor) -> Tensor:
        drawn: Tensor = self.decoder(self.encoder(images))
        return drawn
