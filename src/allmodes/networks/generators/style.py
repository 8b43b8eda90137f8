r"""A generator for few images: every layer is told in which style to draw, and no layer looks at other images.

A mapping network turns the latent, scaled to one per dimension, into a style w. From a learned constant, each
resolution enlarges its input and adds corrections whose normalisation the style adapts (AdaIN),

.. math:: h_{l+1} = h_l + C_l\,\mathrm{GELU}\big((1 + a_l(w))\,\mathrm{IN}(h_l) + b_l(w)\big)

with IN the normalisation of every channel of every image by itself (Huang & Belongie 2017; as a generator, StyleGAN:
Karras et al. 2019). A sample is then the same alone and in any batch: what was matched is what is trained. This is the
form of Adaptive IMLE's generator (Aghabozorgi, Peng & Li 2023). There each correction is a bottleneck of convolutions;
here it is one 3x3 convolution, which on a CPU fits images better in equal time.
"""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import Generator, require_sizes
from .dcgan import side_plan

SLOPE = 0.2  # of the mapping's LeakyReLU


class Style(Generator):
    """Mapping network; learned constant; per resolution noise and residual blocks; AdaIN, GELU, 3x3 convolution, tanh.

    Channels double towards the constant up to ``most``: at 64 x 64 by default 128 @ 4x4 -> 128 @ 8x8 -> 64 @ 16x16 ->
    32 @ 32x32 -> 16 @ 64x64.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent: those of the mapping first, then one per pixel of every noise map.
        width: channels at full size.
        most: channels at small sizes.
        blocks: residual blocks per resolution.
        mapping: linear layers of the mapping network.
        style: dimensions of the style.
        noise: largest side that gets a map of spatial noise from the latent; 0 for no such maps.

    Raises:
        UserError: the images are not square, or the latent is too short for the noise maps.
    """

    name = "style"
    directional = True

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        *,
        width: int = 16,
        most: int = 128,
        blocks: int = 1,
        mapping: int = 2,
        style: int = 128,
        noise: int = 0,
    ) -> None:
        super().__init__()
        require_sizes(width=width, most=most, blocks=blocks, mapping=mapping, style=style)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        sides = [side for side in side_plan(shape[1]) if side > 1]  # a single pixel has nothing to normalise
        widths = [min(width * 2**k, most) for k in reversed(range(len(sides)))]
        self.sides = sides
        self.pixels = [side**2 for side in sides if side <= noise]
        self.codes = codes_beside(self.pixels, latent)
        self.mapping = nn.Sequential(*mapping_layers(self.codes, style, mapping))
        self.constant = nn.Parameter(torch.randn(widths[0], sides[0], sides[0]))
        self.strengths = nn.ParameterList(torch.zeros(channels, 1, 1) for channels in widths[: len(self.pixels)])
        self.changes = nn.ModuleList(change(before, after) for before, after in pairwise(widths))
        gain = 1 / sqrt(blocks * len(sides))
        self.count = blocks
        self.blocks = nn.ModuleList(Block(channels, style, gain=gain) for channels in widths for _ in range(blocks))
        self.last = AdaIN(widths[-1], style)
        self.to_image = nn.Conv2d(widths[-1], shape[0], 3, padding=1)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        codes, *maps = torch.split(z, [self.codes, *self.pixels], dim=1)
        style: Tensor = self.mapping(codes * (codes.square().mean(1, keepdim=True) + 1e-8).rsqrt())
        x = self.constant.expand(len(z), *self.constant.shape)
        for level, side in enumerate(self.sides):
            if level > 0:
                x = F.interpolate(self.changes[level - 1](x), [side, side])
            if level < len(maps):
                x = x + self.strengths[level] * maps[level].view(-1, 1, side, side)
            for block in self.blocks[level * self.count : (level + 1) * self.count]:
                x = block(x, style)
        images: Tensor = self.to_image(F.gelu(self.last(x, style)))
        return torch.tanh(images)


class Block(nn.Module):
    """A residual correction: adaptive normalisation, GELU, 3x3 convolution.

    Args:
        channels: of input and output.
        style: dimensions of the style.
        gain: scale of the correction at the start.
    """

    def __init__(self, channels: int, style: int, *, gain: float) -> None:
        super().__init__()
        self.norm = AdaIN(channels, style)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        with torch.no_grad():
            self.convolution.weight *= gain

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``(n, channels, h, h), (n, style) -> (n, channels, h, h)``."""
        correction: Tensor = self.convolution(F.gelu(self.norm(x, style)))
        return x + correction


class AdaIN(nn.Module):
    """Instance normalisation whose scale and shift are linear in the style.

    Args:
        channels: of the input.
        style: dimensions of the style.
    """

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style, 2 * channels)
        nn.init.normal_(self.affine.weight, 0.0, 0.5 / sqrt(style))
        nn.init.zeros_(self.affine.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """``(n, channels, h, h), (n, style) -> (n, channels, h, h)``."""
        wanted = self.affine(style).to(self.affine.weight.dtype)  # mixed precision would halve it: too coarse here
        scale, shift = wanted.chunk(2, dim=1)
        # every channel of every image is a channel of one image: batch norm is then instance norm, scale and shift
        # included, in one pass over the memory
        alone = x.reshape(1, -1, *x.shape[2:])
        return F.batch_norm(alone, None, None, 1 + scale.flatten(), shift.flatten(), training=True).view_as(x)


def change(channels: int, out: int) -> nn.Conv2d:
    """A change of channels by a 1x1 convolution, which keeps their scale."""
    # no bias: a constant added to a channel meets nothing but instance norms, which take it away
    convolution = nn.Conv2d(channels, out, 1, bias=False)
    nn.init.normal_(convolution.weight, 0.0, 1 / sqrt(channels))
    return convolution


def codes_beside(pixels: list[int], latent: int) -> int:
    """How many of the latent's dimensions are left for the mapping when every noise map has its pixels.

    Raises:
        UserError: none is left.
    """
    taken = sum(pixels)
    if latent <= taken:
        raise UserError(
            f"'prior.dim' is {latent}, but the maps of 'generator.noise' alone take {taken}: set prior.dim to {taken} "
            f"plus what the style needs, as in --prior.dim {taken + 128}, or a smaller generator.noise."
        )
    return latent - taken


def mapping_layers(latent: int, style: int, count: int) -> list[nn.Module]:
    """``count`` linear layers with LeakyReLU after each, which keep the scale of what they see."""
    layers: list[nn.Module] = []
    for size in [latent, *[style] * (count - 1)]:
        linear = nn.Linear(size, style)
        nn.init.kaiming_normal_(linear.weight, a=SLOPE)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.LeakyReLU(SLOPE)]
    return layers
