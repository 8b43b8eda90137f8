r"""A discriminator of images, made to judge pairs of an image and a latent.

.. math:: D(x, z) = D(x) + u(f(x), z)

with f the features that D sees x by, and u a small network. So the logarithm of a ratio of densities falls apart, too:
:math:`\log \frac{p(x, z)}{q(x, z)} = \log \frac{p(x)}{q(x)} + \log \frac{p(z \mid x)}{q(z \mid x)}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from .base import Discriminator, Judgement, require_sizes


class Joint(Discriminator):
    """Judges pairs, each an image made flat and a latent in one row. Not of recipes: methods make it.

    Args:
        inner: judges images, and is trained with it.
        shape: of one image.
        latent: dimensions d of the latent.
        width: of the hidden layer of u.
    """

    name = "joint"

    def __init__(self, inner: Discriminator, shape: Sequence[int], latent: int, *, width: int) -> None:
        super().__init__()
        require_sizes(width=width)
        self.shape = tuple(shape)
        self.latent = latent
        self.inner = inner
        with torch.no_grad():
            device = next(inner.parameters()).device
            size = inner.features(torch.zeros(1, *shape, device=device)).shape[1]
        layers = [nn.Linear(size + latent, width), nn.LeakyReLU(0.2), nn.Linear(width, 1)]
        self.score = nn.Sequential(*layers).to(device)

    def features(self, images: Tensor) -> Tensor:
        """Of pairs ``(n, prod(shape) + d)`` what u sees, ``(n, D + d)``: features of the image, and the latent."""
        size = prod(self.shape)
        return torch.cat([self.inner.features(images[:, :size].view(-1, *self.shape)), images[:, size:]], 1)

    def judged(self, features: Tensor) -> Judgement:
        of_image: Tensor = self.inner.score(features[:, : -self.latent])
        scores: Tensor = of_image + self.score(features)
        return Judgement(scores[:, 0] if scores.shape[1] == 1 else scores)


def paired(images: Tensor, z: Tensor) -> Tensor:
    """Images ``(n, *shape)`` and latents ``(n, d)`` as a joint discriminator takes them."""
    return torch.cat([images.flatten(1), z], 1)
