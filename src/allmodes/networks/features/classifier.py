"""The classifier that counts modes."""

from __future__ import annotations

from torch import Tensor, nn

from .base import FeatureNetwork, trunk


class Classifier(FeatureNetwork):
    """A small convolutional network: ``forward`` gives logits, ``features`` the last hidden layer.

    Args:
        shape: ``(C, H, H)``.
        classes: number of classes.
        width: channels of the first convolution.
    """

    name = "classifier"

    def __init__(self, shape: tuple[int, ...], classes: int, *, width: int = 12) -> None:
        super().__init__()
        self.shape = shape
        self.trunk = trunk(shape, width, 96)
        self.head = nn.Linear(96, classes)

    def summary(self, hidden: Tensor) -> Tensor:
        return hidden

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images))
        return logits
