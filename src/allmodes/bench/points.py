"""Points to search among: of chosen intrinsic dimension, and real images."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.seeding import stream
from ..data import cifar10, mnist


@dataclass(frozen=True)
class Points:
    """What is searched.

    Args:
        name: for tables.
        points: ``(m, d)``.
        queries: ``(n, d)``, none of them among the points.
    """

    name: str
    points: Tensor
    queries: Tensor


def decoded(count: int, dim: int, queries: int, *, latent: int = 16, seed: int = 0) -> Points:
    """The workload of IMLE: samples of a random decoder, and queries from one whose weights differ by a tenth."""
    rng = stream(seed, "decoder", latent, dim)
    first, second = torch.randn(latent, 64, generator=rng), torch.randn(64, dim, generator=rng) / 8

    def decode(n: int, change: float) -> Tensor:
        z = torch.randn(n, latent, generator=rng)
        hidden = torch.relu(z @ (first + change * torch.randn(first.shape, generator=rng)))
        return torch.tanh(hidden @ (second + change * torch.randn(second.shape, generator=rng) / 8))

    return Points(f"decoder, {latent} latent", decode(count, 0.0), decode(queries, 0.1))


def gaussian(count: int, dim: int, queries: int, *, latent: int, seed: int = 0) -> Points:
    """A linear image of a Gaussian: intrinsic dimension ``latent``."""
    rng = stream(seed, "gaussian", latent, dim)
    mixing = torch.linalg.qr(torch.randn(dim, latent, generator=rng)).Q.T
    both = torch.randn(count + queries, latent, generator=rng) @ mixing
    return Points(f"intrinsic dimension {latent}", both[:count], both[count:])


def real(queries: int) -> list[Points]:
    """MNIST and CIFAR-10, training images among which test images are looked for, as far as they are here."""
    found = []
    for name, images in (("MNIST", mnist.Mnist), ("CIFAR-10", cifar10.Cifar10)):
        try:
            labelled = images().labelled()
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        found.append(Points(name, labelled.train_images.flatten(1), labelled.test_images.flatten(1)[:queries]))
    return found
