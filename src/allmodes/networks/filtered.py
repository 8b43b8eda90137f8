r"""Enlarging and halving without aliases: through the filter [1, 3, 3, 1].

To enlarge, zeros go between the pixels and the filter fills them; to halve, the filter goes over the image and every
second pixel stays. Along each axis

.. math:: (U x)_i = 2 \sum_k f_k\, (x_{\uparrow})_{i + 2 - k}, \qquad (D x)_i = \sum_k f_k\, x_{2i + 2 - k}, \qquad
          f = (1, 3, 3, 1) / 8

with zeros beyond the edge: linear interpolation at the centres of the new pixels (Zhang 2019; as in StyleGAN2: Karras
et al. 2020). Odd sides are of an image whose last row and column are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


class Filter(nn.Module):
    """The filter, over every channel by itself. It has no parameters, and nothing of it is saved."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor(TAPS) / sum(TAPS)
        self.register_buffer("taps", torch.outer(taps, taps)[None, None], persistent=False)

    def over(self, x: Tensor, *, padding: int, stride: int = 1, gain: float = 1.0) -> Tensor:
        """Images ``(n, C, h, w)`` through it, times ``gain``."""
        channels = x.shape[1]
        taps = (self.taps * gain).expand(channels, 1, -1, -1)
        return F.conv2d(x, taps, padding=padding, stride=stride, groups=channels)

    def enlarge(self, x: Tensor, side: int) -> Tensor:
        """``(n, C, h, h) -> (n, C, side, side)``, of a side of ``2h`` or ``2h - 1``."""
        channels = x.shape[1]
        taps = (self.taps * 4).expand(channels, 1, -1, -1)
        found = F.conv_transpose2d(x, taps, stride=2, padding=1, groups=channels)
        return found[:, :, :side, :side]

    def enlarge_through(self, x: Tensor, weight: Tensor, side: int) -> Tensor:
        """Zeros between the pixels, then a 3x3 convolution, then the filter: the same as to enlarge and convolve.

        Args:
            x: ``(n, C, h, h)``.
            weight: ``(out, C, 3, 3)``.
            side: of the result, ``2h`` or ``2h - 1``.

        Returns:
            ``(n, out, side, side)``.
        """
        # a transposed convolution turns its kernel round, at a quarter of the cost of one at full size
        spread = F.conv_transpose2d(x, weight.flip(2, 3).transpose(0, 1), stride=2)
        return self.over(spread, padding=1, gain=4.0)[:, :, :side, :side]

    def halve(self, x: Tensor) -> Tensor:
        """``(n, C, h, h) -> (n, C, h / 2, h / 2)``, rounded up."""
        return self.over(even(x), padding=1, stride=2)

    def halve_through(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The filter, then every second pixel of a 3x3 convolution by weights ``(out, C, 3, 3)``, and a bias.

        ``(n, C, h, h) -> (n, out, h / 2, h / 2)``, rounded up.
        """
        return F.conv2d(self.over(even(x), padding=2), weight, bias, stride=2)


def even(x: Tensor) -> Tensor:
    """Images of an even side: one that is odd gets a row and a column of zeros."""
    return F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
