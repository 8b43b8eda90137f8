"""Enlargement with a gated linear unit (Dauphin et al. 2017): half of the channels open and shut the others."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .norm import BatchNorm


class GatedEnlargement(nn.Module):
    """Enlarge by nearest neighbours, 3x3 convolution to twice the channels, batch norm, gated linear unit.

    Args:
        channels: of the input.
        out: channels of the output.
        side: of the output.
    """

    def __init__(self, channels: int, out: int, *, side: int) -> None:
        super().__init__()
        self.side = side
        self.convolution = nn.Conv2d(channels, 2 * out, 3, padding=1, bias=False)  # a bias: batch norm takes it away
        self.norm = BatchNorm(2 * out)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, h) -> (n, out, side, side)``."""
        return F.glu(self.norm(self.convolution(F.interpolate(x, [self.side, self.side]))), dim=1)
