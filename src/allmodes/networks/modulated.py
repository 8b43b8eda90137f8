r"""The modulated convolution: a convolution whose weights a style scales, image by image.

.. math:: w'_{ijk} = s_i\, w_{ijk}, \qquad w''_{ijk} = w'_{ijk} \Big/ \sqrt{\sum_{i,k} {w'_{ijk}}^2 + \epsilon}

for inputs i, outputs j and pixels k of the kernel (Karras et al. 2020, equations 1 and 3). The second, demodulation,
divides every output by the deviation that it would have for inputs of deviation 1, so that a style acts within its
layer alone.

The scale of an input goes before the convolution and that of an output after it, which is the same function. So all
images share one convolution, where weights of their own would take one for each.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .equalised import EqualConv, EqualLinear
from .filtered import Filter

TINY = 1e-8


class ModulatedConv(nn.Module):
    """Convolution without a bias, modulated by a style.

    Args:
        channels: of the input.
        out: channels of the output.
        kernel: its side, odd; 3 where ``side`` is larger than that of the input.
        style: dimensions of the style.
        demodulated: whether outputs are divided by their expected deviation.
    """

    def __init__(self, channels: int, out: int, kernel: int, style: int, *, demodulated: bool = True) -> None:
        super().__init__()
        self.scales = EqualLinear(style, channels, bias=1.0)
        self.convolution = EqualConv(channels, out, kernel, bias=False)
        self.filter = Filter()
        self.demodulated = demodulated

    def forward(self, x: Tensor, style: Tensor, side: int) -> Tensor:
        """``(n, channels, h, h), (n, style) -> (n, out, side, side)``, of a side of h, 2h or 2h - 1."""
        scales, weight = self.scales(style), self.convolution.scaled
        x = x * scales[:, :, None, None].to(x.dtype)
        if side == x.shape[2]:
            found = F.conv2d(x, weight, padding=weight.shape[2] // 2)
        else:
            found = self.filter.enlarge_through(x, weight, side)
        if not self.demodulated:
            return found
        power = F.linear(scales.to(weight.dtype).square(), weight.square().sum((2, 3)))
        demodulation: Tensor = (power + TINY).rsqrt()[:, :, None, None].to(found.dtype)
        return found * demodulation
