r"""The discriminator of FastGAN: one that must be able to draw what it has seen.

A discriminator of few images can learn them by heart from a few details. This one also serves as an encoder: small
decoders reconstruct real images from its feature maps, the whole image at half its size from the last map and one
quarter of it in full from the same quarter of the map before, so its features must hold what the images show
(Liu, Zhu, Song & Elgammal 2021, section 3.2).

Written from the paper, with two differences: there is no batch norm between image and score, so that a score depends on
its own image alone and gradient penalties may be taken, and one score judges the whole image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import Judgement, require_sizes
from ..drawing import Reconstructing, Views
from ..generators.dcgan import side_plan
from ..glu import GatedEnlargement

SLOPE = 0.2  # of the LeakyReLU


class FastGAN(Reconstructing):
    """A strided convolution and residual blocks down to 4 x 4, a linear score; decoders from the last two maps.

    At 64 x 64 by default 16 @ 32x32 -> 32 @ 16x16 -> 64 @ 8x8 -> 128 @ 4x4.

    Args:
        shape: ``(C, H, H)``.
        width: channels of the first convolution; they double towards the score.
        most: channels at small sizes.

    Raises:
        UserError: the examples are no square images.
    """

    name = "fastgan"

    def __init__(self, shape: tuple[int, ...], *, width: int = 16, most: int = 256) -> None:
        super().__init__()
        require_sizes(width=width, most=most)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(
                f"The discriminator '{self.name}' looks at square images, not at examples of shape {shape}: "
                "use convolutional or toy-mlp."
            )
        self.sides = side_plan(shape[1])[::-1]
        widths = [min(width * 2**k, most) for k in range(len(self.sides) - 1)]
        self.first = nn.Sequential(halving(shape[0], widths[0], self.sides[0]), nn.LeakyReLU(SLOPE))
        self.blocks = nn.ModuleList(
            Block(widths[k], widths[k + 1], side=self.sides[k + 1]) for k in range(len(widths) - 1)
        )
        self.score = nn.Linear(widths[-1] * self.sides[-1] ** 2, 1)
        self.whole_decoder = decoder(widths[::-1], self.sides[-2:0:-1], shape[0])
        self.part_decoder = decoder([widths[-2], *widths[-2::-1]], self.sides[-2:0:-1], shape[0])

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The last two feature maps of images ``(n, C, H, H)``, the last one second."""
        early, late = images, self.first(images)
        for block in self.blocks:
            early, late = late, block(late)
        return early, late

    def features(self, images: Tensor) -> Tensor:
        return self.maps(images)[1].flatten(1)

    def judgement(self, images: Tensor) -> Judgement:
        maps = self.maps(images)
        return replace(self.judged(maps[-1].flatten(1)), maps=maps)

    def reconstruct(self, maps: Sequence[Tensor], corner: int) -> Views:
        early, late = maps
        return Views(self.whole_decoder(late), self.part_decoder(quarter(early, self.sides[-1], corner)))

    def views(self, images: Tensor, corner: int) -> Views:
        half = self.sides[1]
        return Views(F.interpolate(images, [half, half], mode="area"), quarter(images, half, corner))


def quarter(maps: Tensor, side: int, corner: int) -> Tensor:
    """The part ``(n, C, side, side)`` of maps ``(n, C, H, H)`` at a corner: 0 and 1 above, 0 and 2 on the left."""
    far = maps.shape[2] - side
    top, left = far * (corner // 2), far * (corner % 2)
    return maps[:, :, top : top + side, left : left + side]


class Block(nn.Module):
    """Half the side: the mean of two strided and plain convolutions and of averaged pixels.

    Args:
        channels: of the input.
        out: channels of the output.
        side: of the input.
    """

    def __init__(self, channels: int, out: int, *, side: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            halving(channels, out, side),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(out, out, 3, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.direct = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(channels, out, 1), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, h) -> (n, out, h / 2, h / 2)``, rounded up."""
        halved: Tensor = self.main(x) + self.direct(x)
        return halved / 2


def halving(channels: int, out: int, side: int) -> nn.Conv2d:
    """A strided convolution of maps of this side, to half of it, rounded up."""
    return nn.Conv2d(channels, out, 3 if side % 2 else 4, stride=2, padding=1)


def decoder(channels: list[int], sides: list[int], colours: int) -> nn.Sequential:
    """Gated enlargements to each of the sides, from the first number of channels to half of the others; an image."""
    made = [channels[0], *(max(1, count // 2) for count in channels[1:])]
    layers: list[nn.Module] = [
        GatedEnlargement(before, after, side=side) for (before, after), side in zip(pairwise(made), sides, strict=True)
    ]
    return nn.Sequential(*layers, nn.Conv2d(made[-1], colours, 3, padding=1), nn.Tanh())
