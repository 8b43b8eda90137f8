"""A small fully connected generator of planar points."""

from __future__ import annotations

from torch import Tensor, nn

from ..base import Generator, require_sizes


class ToyMLP(Generator):
    """Three hidden layers with ReLU, linear output.

    Args:
        shape: ``(2,)``, or any shape of examples, which are made flat and folded.
        latent: dimensions of the latent.
        width: of the hidden layers.
    """

    name = "toy-mlp"
    convolutional = False

    def __init__(self, shape: tuple[int, ...], latent: int, *, width: int = 128) -> None:
        super().__init__()
        require_sizes(width=width)
        size = 1
        for side in shape:
            size *= side
        hidden = [latent, width, width, width]
        layers: list[nn.Module] = []
        for before, after in zip(hidden, hidden[1:], strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, size), nn.Unflatten(1, tuple(shape)))

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        points: Tensor = self.layers(z)
        return points
