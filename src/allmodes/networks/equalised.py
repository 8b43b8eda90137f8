r"""Layers with an equalised learning rate: weights begin as standard normal and are scaled where they are used.

.. math:: y = \frac{g}{\sqrt{n}} W x + \mu\, b, \qquad W_{ij} \sim N(0, 1) / \mu, \qquad g = \mu

with n the inputs of one output. Adam moves every weight by about its rate whatever the size of its gradient; scaled
so, it moves every layer by the same share of what it began with (Karras, Aila, Laine & Lehtinen 2018, section 4.1).
With a multiplier :math:`\mu` of the rate below 1 a layer learns more slowly than others under the same Adam.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU of slope 0.2, times the root of 2, which about keeps the mean square of what goes in."""
    return F.leaky_relu(x, SLOPE) * sqrt(2)


class EqualLinear(nn.Module):
    """A fully connected layer with an equalised rate.

    Args:
        inputs: size of the input.
        outputs: size of the output.
        bias: what its biases begin with.
        multiplier: mu, of the learning rate.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, multiplier: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / multiplier))
        self.scale = multiplier / sqrt(inputs)
        self.multiplier = multiplier

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs) -> (n, outputs)``."""
        return F.linear(x, self.weight * self.scale, self.bias * self.multiplier)


class EqualConv(nn.Module):
    """A convolution with an equalised rate, which keeps the side.

    Args:
        channels: of the input.
        out: channels of the output.
        kernel: its side, odd.
        bias: whether there is one, which begins at 0.
    """

    def __init__(self, channels: int, out: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.scale = 1 / sqrt(channels * kernel**2)

    @property
    def scaled(self) -> Tensor:
        """The weights as they are used, ``(out, channels, kernel, kernel)``."""
        return self.weight * self.scale

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, w) -> (n, out, h, w)``."""
        return F.conv2d(x, self.scaled, self.bias, padding=self.weight.shape[2] // 2)
