"""An encoder of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from ..base import Encoder
from ..dense import require_widths
from ..norm import BatchNorm


class MLP(Encoder):
    """Fully connected layers with batch norm and ReLU: at 28 x 28, 784-512-256-K.

    Args:
        shape: of one example.
        components: that it tells apart.
        widths: of the hidden layers.
        heads: of which one is in force.
    """

    name = "mlp"

    def __init__(
        self, shape: tuple[int, ...], components: int, *, widths: Sequence[int] = (512, 256), heads: int = 5
    ) -> None:
        require_widths(widths)
        super().__init__(widths[-1], components, heads)
        sizes = [prod(shape), *widths]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(before, after, bias=False), BatchNorm(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
