"""A generator of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from ..base import Generator
from ..dense import dense_layers, require_widths


class MLP(Generator):
    """Fully connected layers with LeakyReLU between them, tanh: of a 100-d latent, 100-256-512-1024-784 at 28 x 28.

    Args:
        shape: of one example.
        latent: dimensions of the latent.
        widths: of the hidden layers.
        slope: of the LeakyReLU.
    """

    name = "mlp"
    convolutional = False

    def __init__(
        self, shape: tuple[int, ...], latent: int, *, widths: Sequence[int] = (256, 512, 1024), slope: float = 0.2
    ) -> None:
        super().__init__()
        require_widths(widths)
        hidden = dense_layers([latent, *widths], slope)
        last = nn.Linear(widths[-1], prod(shape))
        self.layers = nn.Sequential(*hidden, last, nn.Unflatten(1, tuple(shape)), nn.Tanh())

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images
