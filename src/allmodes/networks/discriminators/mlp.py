"""Discriminators of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from ..base import Discriminator, class_layer, require_sizes
from ..dense import dense_layers, require_widths
from ..norm import Normalisation, normalise_weights


class MLP(Discriminator):
    """Fully connected layers with LeakyReLU between them: at 28 x 28, 784-1024-512-256-1, the generator's mirror.

    Args:
        shape: of one example.
        widths: of the hidden layers.
        slope: of the LeakyReLU.
        classes: of which it tells images apart, from the same features as their scores; 0 for none.
        normalisation: of all weights: ``none`` or ``spectral`` (Miyato, Kataoka, Koyama & Yoshida 2018).
    """

    name = "mlp"

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        widths: Sequence[int] = (1024, 512, 256),
        slope: float = 0.2,
        classes: int = 0,
        normalisation: Normalisation = "none",
    ) -> None:
        super().__init__()
        require_widths(widths)
        self.layers = nn.Sequential(nn.Flatten(), *dense_layers([prod(shape), *widths], slope))
        self.score = nn.Linear(widths[-1], 1)
        self.class_logits = class_layer(widths[-1], classes)
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen


class MLP4(Discriminator):
    """Four fully connected layers with LeakyReLU between them.

    Args:
        shape: of one example.
        width: of the first two hidden layers; the third has half.
        slope: of the LeakyReLU.
        normalisation: of all weights, ``none`` or ``spectral``.
    """

    name = "mlp-4"

    def __init__(
        self, shape: tuple[int, ...], *, width: int = 512, slope: float = 0.2, normalisation: Normalisation = "none"
    ) -> None:
        super().__init__()
        require_sizes(width=width)
        sizes = [prod(shape), width, width, width // 2]
        self.layers = nn.Sequential(nn.Flatten(), *dense_layers(sizes, slope))
        self.score = nn.Linear(sizes[-1], 1)
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.layers(images)
        return seen
