r"""The discriminator of StyleGAN2 (Karras, Laine, Aittala, Hellsten, Lehtinen & Aila 2020).

Residual blocks halve the image through a filter,

.. math:: h_{l+1} = \big(C_2\, \rho(C_1 h_l) + S\, h_l\big) / \sqrt 2

(figure 7). Before the last layers it is told how much the images of a group differ, which one image cannot show
and a generator that has dropped modes cannot hide: the mean deviation over the group, as one more feature map (the
minibatch deviation, Karras, Aila, Laine & Lehtinen 2018, section 3).
"""

from __future__ import annotations

from itertools import pairwise
from math import gcd, sqrt

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Discriminator, class_layer, require_sizes
from ..equalised import EqualConv, EqualLinear, leaky
from ..filtered import Filter
from ..generators.dcgan import side_plan


class StyleGan2(Discriminator):
    """1x1 convolution; a block per halving down to 4 x 4; minibatch deviation; convolution; hidden layer; score.

    Channels double towards the score up to ``most``: at 32 x 32 by default 16 @ 32x32 -> 32 @ 16x16 -> 64 @ 8x8 ->
    128 @ 4x4. The published sizes are a width of 32,768 / side and most 512.

    Args:
        shape: ``(C, H, H)``.
        width: channels at full size.
        most: channels at small sizes.
        residual: whether blocks have a shortcut.
        group: images whose deviation is taken together, or as many as divide the batch; 1 for no such map.
        classes: of which it tells images apart, from the same features as their scores; 0 for none.

    Raises:
        UserError: the examples are no square images.
    """

    name = "stylegan2"

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: int = 16,
        most: int = 512,
        residual: bool = True,
        group: int = 4,
        classes: int = 0,
    ) -> None:
        super().__init__()
        require_sizes(width=width, most=most, group=group)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(
                f"The discriminator '{self.name}' looks at square images, not at examples of shape {shape}: "
                "use convolutional or toy-mlp."
            )
        sides = side_plan(shape[1])
        widths = [min(width * 2**k, most) for k in range(len(sides))]
        self.group = group
        self.together = group > 1
        self.first = EqualConv(shape[0], widths[0], 1)
        self.blocks = nn.ModuleList(Block(before, after, residual=residual) for before, after in pairwise(widths))
        self.last = EqualConv(widths[-1] + (group > 1), widths[-1], 3)
        self.hidden = EqualLinear(widths[-1] * sides[0] ** 2, widths[-1])
        self.score = EqualLinear(widths[-1], 1)
        self.class_logits = class_layer(widths[-1], classes)

    def features(self, images: Tensor) -> Tensor:
        x = leaky(self.first(images))
        for block in self.blocks:
            x = block(x)
        if self.group > 1:
            x = torch.cat([x, deviation(x, self.group)], 1)
        return leaky(self.hidden(leaky(self.last(x)).flatten(1)))


class Block(nn.Module):
    """Half the side: 3x3 convolution, LeakyReLU, filtered 3x3 convolution, LeakyReLU, beside a filtered shortcut.

    Args:
        channels: of the input.
        out: channels of the output.
        residual: whether there is a shortcut.
    """

    def __init__(self, channels: int, out: int, *, residual: bool) -> None:
        super().__init__()
        self.first = EqualConv(channels, channels, 3)
        self.second = EqualConv(channels, out, 3)
        self.shortcut = EqualConv(channels, out, 1, bias=False) if residual else None
        self.filter = Filter()

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, h) -> (n, out, h / 2, h / 2)``, rounded up."""
        hidden = leaky(self.filter.halve_through(leaky(self.first(x)), self.second.scaled, self.second.bias))
        if self.shortcut is None:
            return hidden
        shortcut: Tensor = self.shortcut(self.filter.halve(x))
        return (hidden + shortcut) / sqrt(2)


def deviation(x: Tensor, group: int) -> Tensor:
    """How much the images of a group differ: the deviation of every feature over the group, averaged over features.

    Images that lie equally far apart in the batch make a group, so processes that take every second image of a batch
    take whole groups.

    Args:
        x: features ``(n, C, h, h)``.
        group: images of one, or as many as divide the batch.

    Returns:
        One map ``(n, 1, h, h)``, of one value for each group.
    """
    groups = len(x) // gcd(len(x), group)
    grouped = x.float().view(-1, groups, *x.shape[1:])
    spread = (grouped.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat(len(grouped)).to(x.dtype)[:, None, None, None].expand(-1, 1, *x.shape[2:])
