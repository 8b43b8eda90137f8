r"""The generator of FastGAN: few layers, and small feature maps that open and shut the channels of large ones.

With few images and little time every layer counts. One convolution per resolution is enough when gradients have a short
way: skip-layer excitation multiplies the channels of a large map by what a map of a sixteenth of its side says,

.. math:: y = F(x_{low}) \cdot x_{high}, \qquad F = \sigma \circ C_{1} \circ \mathrm{LeakyReLU} \circ C_{4} \circ P

with P averages in 4 x 4 parts, :math:`C_4` a convolution of those to one number per channel, :math:`C_1` one to as many
channels as the large map has, and :math:`\sigma` the logistic function (Liu, Zhu, Song & Elgammal 2021, equation 1).
Written from the paper; noise is not injected between layers, so that a sample depends on its latent alone.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import Generator, require_sizes
from ..glu import GatedEnlargement
from ..norm import BatchNorm
from .dcgan import side_plan

REACH = 4  # levels between a map and the one that it excites: 4 x 4 excites 64 x 64
SLOPE = 0.1  # of the LeakyReLU


class FastGAN(Generator):
    """A linear layer to the smallest side, one gated convolution per enlargement, excitations, 3x3 convolution, tanh.

    At 64 x 64 by default 128 @ 4x4 -> 128 @ 8x8 -> 64 @ 16x16 -> 32 @ 32x32 -> 16 @ 64x64. Where no map has a sixteenth
    of the largest side, the smallest excites the largest.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent.
        width: channels at full size; they double towards the latent.
        most: channels at small sizes.

    Raises:
        UserError: the images are not square.
    """

    name = "fastgan"

    def __init__(self, shape: tuple[int, ...], latent: int, *, width: int = 16, most: int = 128) -> None:
        super().__init__()
        require_sizes(width=width, most=most)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        sides = side_plan(shape[1])
        widths = [min(width * 2**k, most) for k in reversed(range(len(sides)))]
        self.start = nn.Sequential(
            nn.Linear(latent, 2 * widths[0] * sides[0] ** 2, bias=False),
            nn.Unflatten(1, (2 * widths[0], sides[0], sides[0])),
            BatchNorm(2 * widths[0]),
            nn.GLU(dim=1),
        )
        self.enlargements = nn.ModuleList(
            GatedEnlargement(before, after, side=side)
            for (before, after), side in zip(pairwise(widths), sides[1:], strict=True)
        )
        self.first_excited = min(REACH, len(sides) - 1)
        self.excitations = nn.ModuleList(
            Excitation(widths[max(0, level - REACH)], widths[level], side=sides[max(0, level - REACH)])
            for level in range(self.first_excited, len(sides))
        )
        self.to_image = nn.Conv2d(widths[-1], shape[0], 3, padding=1)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        maps: list[Tensor] = [self.start(z)]
        for level, enlargement in enumerate(self.enlargements, start=1):
            larger: Tensor = enlargement(maps[-1])
            if level >= self.first_excited:
                larger = larger * self.excitations[level - self.first_excited](maps[max(0, level - REACH)])
            maps.append(larger)
        images: Tensor = self.to_image(maps[-1])
        return images.tanh()


class Excitation(nn.Module):
    """How much passes of each channel of a large map, from a small one.

    Args:
        channels: of the small map.
        out: channels of the large map.
        side: of the small map.
    """

    def __init__(self, channels: int, out: int, *, side: int) -> None:
        super().__init__()
        self.part = -(-side // 4)  # the side of what is averaged: at most 4 x 4 averages remain
        self.gather = nn.Conv2d(channels, channels, -(-side // self.part))
        self.spread = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, side, side) -> (n, out, 1, 1)``, each in 0..1."""
        seen = F.leaky_relu(self.gather(F.avg_pool2d(x, self.part, ceil_mode=True)), SLOPE)
        gates: Tensor = self.spread(seen)
        return gates.sigmoid()
