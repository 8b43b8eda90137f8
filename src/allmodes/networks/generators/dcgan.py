"""A generator of transposed convolutions with batch norm and ReLU (DCGAN, Radford et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Generator, require_sizes
from ..norm import BatchNorm


def side_plan(side: int) -> list[int]:
    """Sides from the smallest to the image's, each at most twice the one before.

    >>> side_plan(28), side_plan(32), side_plan(8)
    ([4, 7, 14, 28], [4, 8, 16, 32], [2, 4, 8])
    """
    sides = [side]
    while sides[0] > 4 or len(sides) < 3:
        sides.insert(0, (sides[0] + 1) // 2)
    return sides


def upsampling(channels: int, out: int, *, side: int, to: int) -> nn.ConvTranspose2d:
    """A transposed convolution from ``side`` to ``to``, which is ``2 side`` or ``2 side - 1``."""
    kernel = 4 if to == 2 * side else 3
    return nn.ConvTranspose2d(channels, out, kernel, stride=2, padding=1, bias=False)


class DCGAN(Generator):
    """At 28 x 28: 256 -> 4w @ 4x4 -> 2w @ 7x7 -> w @ 14x14 -> C @ 28x28, four transposed convolutions, tanh.

    Other square sizes take as many steps as they need; channels double towards the latent.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent.
        width: channels before the last layer.

    Raises:
        UserError: the images are not square.
    """

    name = "dcgan-256"

    def __init__(self, shape: tuple[int, ...], latent: int, *, width: int = 32) -> None:
        super().__init__()
        require_sizes(width=width)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        sides = side_plan(shape[1])
        widths = [width * 2**k for k in reversed(range(len(sides) - 1))]
        first = widths[0] * sides[0] ** 2
        # the first transposed convolution starts from a 1 x 1 image: it is a matrix product
        layers: list[nn.Module] = [
            nn.Linear(latent, first, bias=False),
            nn.Unflatten(1, (widths[0], sides[0], sides[0])),
        ]
        for k in range(len(widths) - 1):
            layers += [BatchNorm(widths[k]), nn.ReLU()]
            layers += [upsampling(widths[k], widths[k + 1], side=sides[k], to=sides[k + 1])]
        last = nn.ConvTranspose2d(width, shape[0], 4 if sides[-1] == 2 * sides[-2] else 3, stride=2, padding=1)
        layers += [BatchNorm(width), nn.ReLU(), last, nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        for module in self.layers:
            if isinstance(module, nn.Linear | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
        nn.init.normal_(last.weight, 0.0, 0.05)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images
