"""What a feature network is: an image goes in, features come out. Training is the training room's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

MAPS = 3  # of the trunk: one after every convolution


class FeatureNetwork(nn.Module, ABC):
    """A network that a distance or a metric looks through. Constructors take ``shape`` first.

    Attributes:
        trunk: what it sees images with, see :func:`trunk`.
    """

    name: ClassVar[str]
    shape: tuple[int, ...]
    trunk: nn.Sequential

    @abstractmethod
    def summary(self, hidden: Tensor) -> Tensor:
        """The features, from the last hidden layer of the trunk, ``(n, h) -> (n, D)``."""

    def features(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n, D)``."""
        return self.layers(images, 0)[1]

    def layers(self, images: Tensor, maps: int) -> tuple[list[Tensor], Tensor]:
        """The last so many maps ``(n, C, h, w)``, and the features ``(n, D)``, of images ``(n, *shape)``."""
        kept, seen = [], images
        for layer in self.trunk:
            seen = layer(seen)
            if isinstance(layer, nn.ReLU) and seen.ndim == 4:
                kept.append(seen)
        return kept[MAPS - maps :], self.summary(seen)


def trunk(shape: tuple[int, ...], width: int, out: int) -> nn.Sequential:
    """Three strided 3x3 convolutions (w, 2w, 4w channels) with batch norm and ReLU, then a hidden layer."""
    layers: list[nn.Module] = []
    channels, side = shape[0], shape[1]
    for k in range(3):
        layers += [
            nn.Conv2d(channels, width * 2**k, 3, stride=2, padding=1),
            nn.BatchNorm2d(width * 2**k),
            nn.ReLU(),
        ]
        channels, side = width * 2**k, (side + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, out), nn.ReLU())
