"""A generator of fully connected layers, which can be told the class."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Generator
from ..dense import dense_layers, require_widths


class MLP(Generator):
    """Fully connected layers with LeakyReLU between them, tanh: of a 100-d latent, 100-256-512-1024-784 at 28 x 28.

    Told the class, its first layer also sees a learned vector of it, as long as the latent.

    Args:
        shape: of one example.
        latent: dimensions of the latent.
        widths: of the hidden layers.
        slope: of the LeakyReLU.
        classes: of which it is told one with every latent; 0 for none.

    Raises:
        UserError: a width is below 1, or the number of classes is negative.
    """

    name = "mlp"
    convolutional = False

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        *,
        widths: Sequence[int] = (256, 512, 1024),
        slope: float = 0.2,
        classes: int = 0,
    ) -> None:
        super().__init__()
        require_widths(widths)
        if classes < 0:
            raise UserError(f"The network's 'classes' is {classes}, but must be at least 0.")
        hidden = dense_layers([2 * latent if classes else latent, *widths], slope)
        last = nn.Linear(widths[-1], prod(shape))
        self.layers = nn.Sequential(*hidden, last, nn.Unflatten(1, tuple(shape)), nn.Tanh())
        if classes:
            self.conditioned = "labels"
            self.classes = classes
            self.embedding = nn.Embedding(classes, latent)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        if condition is not None:
            z = torch.cat([z, self.embedding(condition)], dim=1)
        images: Tensor = self.layers(z)
        return images
