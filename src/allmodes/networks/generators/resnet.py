r"""A residual generator: depth without losing the way back to the latent.

Each block enlarges its input and adds a correction to it,

.. math:: h_{l+1} = S\,U h_l + C_2\,\rho(C_1\,U\rho(h_l)), \qquad \rho = \mathrm{ReLU} \circ \mathrm{BN}

with U the nearest-neighbour enlargement and S a 1x1 convolution (He et al. 2016; as a generator: Gulrajani et al.
2017). Enlarging before convolving avoids the checkerboards of transposed convolutions (Odena et al. 2016).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import Generator, require_sizes
from ..norm import BatchNorm
from .dcgan import side_plan


class ResNet(Generator):
    """A linear layer to the smallest side, a residual block per enlargement, batch norm, ReLU, 3x3 convolution, tanh.

    Channels double towards the latent: at 28 x 28, 8w @ 4x4 -> 4w @ 7x7 -> 2w @ 14x14 -> w @ 28x28.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent.
        width: channels at full size.

    Raises:
        UserError: the images are not square.
    """

    name = "resnet"

    def __init__(self, shape: tuple[int, ...], latent: int, *, width: int = 16) -> None:
        super().__init__()
        require_sizes(width=width)
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        sides = side_plan(shape[1])
        widths = [width * 2**k for k in reversed(range(len(sides)))]
        blocks = [Block(widths[k], widths[k + 1], side=sides[k + 1]) for k in range(len(sides) - 1)]
        self.layers = nn.Sequential(
            nn.Linear(latent, widths[0] * sides[0] ** 2),
            nn.Unflatten(1, (widths[0], sides[0], sides[0])),
            *blocks,
            BatchNorm(width),
            nn.ReLU(),
            nn.Conv2d(width, shape[0], 3, padding=1),
            nn.Tanh(),
        )

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images


class Block(nn.Module):
    """One residual block.

    Args:
        channels: of the input.
        out: channels of the output.
        side: of the output.
    """

    def __init__(self, channels: int, out: int, *, side: int) -> None:
        super().__init__()
        self.side = side
        # no biases: a constant added to a channel goes on to a batch norm, which takes it away
        self.shortcut = nn.Conv2d(channels, out, 1, bias=False)
        self.first_norm = BatchNorm(channels)
        self.first = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.second_norm = BatchNorm(out)
        self.second = nn.Conv2d(out, out, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels, h, h) -> (n, out, side, side)``."""
        size = [self.side, self.side]
        hidden: Tensor = self.first(F.interpolate(F.relu(self.first_norm(x)), size))
        hidden = self.second(F.relu(self.second_norm(hidden)))
        # a 1x1 convolution before the enlargement is the same function at a quarter of the cost
        shortcut: Tensor = F.interpolate(self.shortcut(x), size)
        return shortcut + hidden
