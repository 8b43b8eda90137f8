r"""Residual-in-residual dense blocks (ESRGAN: Wang et al. 2018), told by a style how much of each channel to add.

In a dense block each convolution sees all before it; blocks add a fifth of what they make to what they were given, and
so do groups of three blocks. A style scales every channel of a block's correction,

.. math:: h \leftarrow h + 0.2\,(1 + a(w))\,D(h)

which keeps the sample of one latent the same in any batch and at any size.
"""

from __future__ import annotations

from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
SHARE = 0.2  # of a correction is added
DENSE = 3  # dense blocks of a group
LAYERS = 4  # convolutions of a dense block that its last one sees beside its input


class DenseBlock(nn.Module):
    """Convolutions of 3 x 3, each of all maps before it, scaled by a style.

    Args:
        channels: of input and output.
        growth: channels that each convolution adds.
        style: dimensions of the style.
    """

    def __init__(self, channels: int, growth: int, style: int) -> None:
        super().__init__()
        seen = [channels + growth * before for before in range(LAYERS + 1)]
        outs = [*[growth] * LAYERS, channels]
        layers = [nn.Conv2d(n, out, 3, padding=1) for n, out in zip(seen, outs, strict=True)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            nn.init.zeros_(cast(Tensor, layer.bias))
        self.layers = nn.ModuleList(layers)
        self.scale = nn.Linear(style, channels)
        nn.init.normal_(self.scale.weight, 0.0, 1 / sqrt(style))
        nn.init.zeros_(self.scale.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``(n, channels, h, w), (n, style) -> (n, channels, h, w)``."""
        maps = [x]
        for layer in self.layers[:-1]:
            maps.append(F.leaky_relu(layer(torch.cat(maps, 1)), SLOPE))
        correction: Tensor = self.layers[-1](torch.cat(maps, 1))
        styled: Tensor = (1 + self.scale(style))[:, :, None, None] * correction
        return x + SHARE * styled


class ResidualGroup(nn.Module):
    """Three dense blocks, and a residual around them.

    Args:
        channels: of input and output.
        growth: see :class:`DenseBlock`.
        style: dimensions of the style.
    """

    def __init__(self, channels: int, growth: int, style: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(DenseBlock(channels, growth, style) for _ in range(DENSE))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``(n, channels, h, w), (n, style) -> (n, channels, h, w)``."""
        found = x
        for block in self.blocks:
            found = block(found, style)
        return x + SHARE * (found - x)
