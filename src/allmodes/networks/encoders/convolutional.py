"""An encoder of strided convolutions."""

from __future__ import annotations

from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Encoder, require_sizes
from ..norm import BatchNorm


class Convolutional(Encoder):
    """Strided convolutions with batch norm and ReLU that halve the side and double the channels, then a linear layer.

    Args:
        shape: ``(C, H, W)``.
        components: that it tells apart.
        width: channels of the first convolution.
        layers: number of convolutions.
        heads: of which one is in force.

    Raises:
        UserError: the examples are no square images.
    """

    name = "convolutional"

    def __init__(
        self, shape: tuple[int, ...], components: int, *, width: int = 16, layers: int = 3, heads: int = 5
    ) -> None:
        require_sizes(width=width, layers=layers)
        if len(shape) != 3:
            raise UserError(f"The encoder '{self.name}' looks at images, not at examples of shape {shape}: use mlp.")
        if shape[1] != shape[2]:
            raise UserError(
                f"The encoder '{self.name}' looks at square images, not at examples of shape {shape}: use mlp."
            )
        blocks: list[nn.Module] = []
        channels, side = shape[0], shape[1]
        for out in (width * 2**k for k in range(layers)):
            blocks += [nn.Conv2d(channels, out, 3 if side % 2 else 4, stride=2, padding=1, bias=False)]
            blocks += [BatchNorm(out), nn.ReLU()]
            channels, side = out, (side + 1) // 2
        super().__init__(channels * side**2, components, heads)
        self.layers = nn.Sequential(*blocks, nn.Flatten())

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
