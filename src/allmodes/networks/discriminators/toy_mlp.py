"""A small fully connected discriminator of planar points."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from ..base import Discriminator, require_sizes
from ..norm import Normalisation, normalise_weights


class ToyMLP(Discriminator):
    """Three hidden layers with LeakyReLU, a linear score.

    Args:
        shape: ``(2,)``, or any shape of examples, which are made flat.
        width: of the hidden layers.
        normalisation: of all weights, ``none`` or ``spectral``.
    """

    name = "toy-mlp"

    def __init__(self, shape: tuple[int, ...], *, width: int = 128, normalisation: Normalisation = "none") -> None:
        super().__init__()
        require_sizes(width=width)
        sizes = [prod(shape), width, width, width]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(width, 1)
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
