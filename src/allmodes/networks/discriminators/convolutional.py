"""Discriminators of strided convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Discriminator, class_layer, require_sizes
from ..norm import Normalisation, normalise_weights


class Convolutional(Discriminator):
    """Strided convolutions that halve the side and double the channels, then one hidden layer. No normalisation.

    Args:
        shape: ``(C, H, W)``.
        width: channels of the first convolution.
        layers: number of convolutions.
        hidden: width of the hidden layer; 0 for none.
        slope: of the LeakyReLU.
        classes: of which it tells images apart, from the same features as their scores; 0 for none.
        normalisation: of all weights: ``none`` or ``spectral`` (Miyato, Kataoka, Koyama & Yoshida 2018).
    """

    name = "convolutional"

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: int = 32,
        layers: int = 3,
        hidden: int = 256,
        slope: float = 0.2,
        classes: int = 0,
        normalisation: Normalisation = "none",
    ) -> None:
        super().__init__()
        require_sizes(width=width, layers=layers, hidden=hidden or 1)
        trunk = strided_trunk(shape, self.name, [width * 2**k for k in range(layers)], slope)
        with torch.no_grad():
            size = trunk(torch.zeros(1, *shape)).shape[1]
        head = [nn.Linear(size, hidden), nn.LeakyReLU(slope)] if hidden else []
        self.layers = nn.Sequential(*trunk, *head)
        self.score = nn.Linear(hidden or size, 1)
        self.class_logits = class_layer(hidden or size, classes)
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen


def strided_trunk(
    shape: tuple[int, ...], name: str, widths: list[int], slope: float, *, kernel: int | None = None
) -> nn.Sequential:
    """Strided convolutions, flattened: 4x4 kernels on even sides and 3x3 on odd ones, unless ``kernel`` is given.

    Raises:
        UserError: the examples are no images.
    """
    if len(shape) != 3:
        raise UserError(f"The discriminator '{name}' looks at images, not at examples of shape {shape}: use toy-mlp.")
    layers: list[nn.Module] = []
    channels, side = shape[0], shape[1]
    for width in widths:
        layers += [nn.Conv2d(channels, width, kernel or (3 if side % 2 else 4), stride=2, padding=1)]
        layers += [nn.LeakyReLU(slope)]
        channels, side = width, (side + 1) // 2
    return nn.Sequential(*layers, nn.Flatten())
