"""Discriminators of fully connected layers."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from ..base import Discriminator, require_sizes


class MLP4(Discriminator):
    """Four fully connected layers with LeakyReLU between them.

    Args:
        shape: of one example.
        width: of the first two hidden layers; the third has half.
        slope: of the LeakyReLU.
    """

    name = "mlp-4"

    def __init__(self, shape: tuple[int, ...], *, width: int = 512, slope: float = 0.2) -> None:
        super().__init__()
        require_sizes(width=width)
        sizes = [prod(shape), width, width, width // 2]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(before, after), nn.LeakyReLU(slope)]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(sizes[-1], 1)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
