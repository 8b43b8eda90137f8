r"""The generator of StyleGAN2 (Karras, Laine, Aittala, Hellsten, Lehtinen & Aila 2020).

A mapping network turns the latent, scaled to one per dimension, into a style w. From a learned constant, every layer l
convolves what the one before it made, in weights that the style modulates, and adds noise,

.. math:: h_{l+1} = \rho\big(w''_l(A_l w) * h_l + \beta_l\, n_l + b_l\big)

with :math:`\rho` a LeakyReLU. At every resolution an image is read from it, and the images of all resolutions are
enlarged and added (figures 2 and 7). Each layer may be given a style of its own, as style mixing does.

Written from the paper. What differs: a hyperbolic tangent ends it, since images are in [-1, 1] here; noise is part of
the latent, so that a latent is a sample, and layers whose noise the latent does not hold have none.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..base import require_sizes
from ..equalised import EqualLinear, leaky
from ..filtered import Filter
from ..modulated import ModulatedConv
from ..styled import Styled
from .dcgan import side_plan
from .style import codes_beside


class StyleGan2(Styled):
    """Mapping network; learned constant; two modulated convolutions per resolution; an image of each, summed; tanh.

    Channels double towards the constant up to ``most``: at 32 x 32 by default 128 @ 4x4 -> 64 @ 8x8 -> 32 @ 16x16 ->
    16 @ 32x32. The published sizes are a width of 32,768 / side, most 512 and a style of 512.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent: those of the mapping first, then one per pixel of every noise map, a map for
            each layer from the constant on.
        width: channels at full size.
        most: channels at small sizes.
        mapping: layers of the mapping network.
        style: dimensions of the style.
        multiplier: of the learning rate of the mapping network.
        noise: largest side whose layers get noise, from the latent; 0 for none.

    Raises:
        UserError: the images are not square, or the latent is too short for the noise.
    """

    name = "stylegan2"
    directional = True

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        *,
        width: int = 16,
        most: int = 512,
        mapping: int = 8,
        style: int = 128,
        multiplier: float = 0.01,
        noise: int = 0,
    ) -> None:
        super().__init__()
        require_sizes(width=width, most=most, mapping=mapping, style=style)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        if multiplier <= 0:
            raise UserError(f"'generator.multiplier' is {multiplier}, but must be above 0.")
        sides = [side for side in side_plan(shape[1]) if side > 1] or [1]
        widths = [min(width * 2**k, most) for k in reversed(range(len(sides)))]
        self.sides = sides
        # one layer at the smallest side, two at each of the others
        plan = [(widths[0], widths[0], sides[0])]
        for (before, after), side in zip(pairwise(widths), sides[1:], strict=True):
            plan += [(before, after, side), (after, after, side)]
        self.pixels = [side**2 for _, _, side in plan if side <= noise]
        self.codes = codes_beside(self.pixels, latent)
        sizes = [self.codes, *[style] * mapping]
        self.mapping = nn.ModuleList(EqualLinear(a, b, multiplier=multiplier) for a, b in pairwise(sizes))
        self.constant = nn.Parameter(torch.randn(widths[0], sides[0], sides[0]))
        self.layers = nn.ModuleList(
            Layer(before, after, side, style, noisy=side <= noise) for before, after, side in plan
        )
        self.to_image = nn.ModuleList(ToImage(channels, shape[0], style) for channels in widths)
        self.filter = Filter()
        self.count = len(plan) + 1  # the last image has a style of its own

    def mapped(self, z: Tensor) -> Tensor:
        codes = z[:, : self.codes]
        style = codes * (codes.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            style = leaky(layer(style))
        return style

    def drawn(self, styles: Tensor, z: Tensor) -> Tensor:
        _, *maps = torch.split(z, [self.codes, *self.pixels], dim=1)
        given = iter([*maps, *[None] * (len(self.layers) - len(maps))])
        each = styles.unbind(1)
        x = self.layers[0](self.constant.expand(len(z), -1, -1, -1), each[0], next(given))
        images = self.to_image[0](x, each[1])
        for level, side in enumerate(self.sides[1:], 1):
            for number in (2 * level - 1, 2 * level):
                x = self.layers[number](x, each[number], next(given))
            # an image is read in the style of the layer after it
            images = self.filter.enlarge(images, side) + self.to_image[level](x, each[2 * level + 1])
        return torch.tanh(images)


class Layer(nn.Module):
    """A modulated 3x3 convolution, noise, bias, LeakyReLU.

    Args:
        channels: of the input.
        out: channels of the output.
        side: of the output.
        style: dimensions of the style.
        noisy: whether it is given noise.
    """

    def __init__(self, channels: int, out: int, side: int, style: int, *, noisy: bool) -> None:
        super().__init__()
        self.side = side
        self.convolution = ModulatedConv(channels, out, 3, style)
        self.strength = nn.Parameter(torch.zeros(())) if noisy else None
        self.bias = nn.Parameter(torch.zeros(out, 1, 1))

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """``(n, channels, h, h), (n, style), (n, side * side) -> (n, out, side, side)``."""
        found: Tensor = self.convolution(x, style, self.side) + self.bias
        if self.strength is not None and noise is not None:
            found = found + self.strength * noise.view(-1, 1, self.side, self.side)
        return leaky(found)


class ToImage(nn.Module):
    """An image from features: a modulated 1x1 convolution, without demodulation, and a bias.

    Args:
        channels: of the input.
        colours: channels of the image.
        style: dimensions of the style.
    """

    def __init__(self, channels: int, colours: int, style: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv(channels, colours, 1, style, demodulated=False)
        self.bias = nn.Parameter(torch.zeros(colours, 1, 1))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``(n, channels, h, h), (n, style) -> (n, colours, h, h)``."""
        found: Tensor = self.convolution(x, style, x.shape[2]) + self.bias
        return found
