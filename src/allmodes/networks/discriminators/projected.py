r"""A discriminator that looks through a network trained on photographs (Sauer, Chitta, Müller & Geiger 2021).

A discriminator of few images must learn from these alone what an eye or a leaf is. This one starts from a network F
that knows, which stays frozen, as do random mixtures P of what it sees,

.. math:: \sum_l L\big(D_l(P_l(F(x))),\, D_l(P_l(F(G(z))))\big)

with a small head D_l for every scale l. Without mixtures the heads would attend to the few features that are easiest to
tell apart: random 1x1 convolutions mix channels (section 3.2), random 3x3 convolutions, from the coarsest map to the
finest, mix scales (section 3.3). All weights that are trained are spectrally normalised (Miyato et al. 2018).

By itself this adversary is so strong that one picture may be all that a generator of few images learns to make; beside
a matched distance it makes samples sharp. Here heads have no batch norm, so that a score depends on its own image
alone, and images are seen at their own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ...core.errors import UserError
from ..base import Discriminator, require_sizes
from ..features.frozen import load_frozen

SLOPE = 0.2  # of the LeakyReLU


class Projected(Discriminator):
    """Frozen maps, random mixtures of channels and of scales, and a head for every map down to the side of the last.

    With EfficientNet-Lite0 at 64 x 64 by default maps of sides 32, 16, 8 and 4, and 4 x 4 scores of each.

    Args:
        shape: ``(C, H, W)``, grey or colour.
        features: name of the frozen network, see :mod:`allmodes.networks.features.frozen`.
        blocks: after which its maps are taken, ascending; the network's own choice by default.
        width: channels of mixtures and heads.

    Raises:
        UserError: the examples are no such images, there is no such network or block, or no weights are installed.
    """

    name = "projected"

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        features: str = "efficientnet-lite0",
        blocks: Sequence[int] | None = None,
        width: int = 48,
    ) -> None:
        super().__init__()
        require_sizes(width=width)
        if len(shape) != 3 or shape[0] not in {1, 3}:
            raise UserError(
                f"The discriminator '{self.name}' looks at grey or colour images, not at examples of shape {shape}: "
                "use convolutional or toy-mlp."
            )
        self.frozen = load_frozen(features, blocks)
        sizes = self.frozen.sizes(shape)
        self.channel_mixtures = nn.ModuleList(random_mixture(channels, width, kernel=1) for channels, *_ in sizes)
        self.scale_mixtures = nn.ModuleList(random_mixture(width, width, kernel=3) for _ in sizes)
        sides = [(height, width) for _, height, width in sizes]
        self.heads = nn.ModuleList(head(width, side, to=sides[-1]) for side in sides)
        self.score = Scores([(width, *halved(side, to=sides[-1])[-1]) for side in sides])

    def mixtures(self, images: Tensor) -> list[Tensor]:
        """What the heads see, from the finest map on, ``(n, width, h, w)`` each."""
        maps = self.frozen(images.expand(-1, 3, -1, -1))
        mixed = [mixture(seen) for mixture, seen in zip(self.channel_mixtures, maps, strict=True)]
        coarser = self.scale_mixtures[-1](mixed[-1])
        found: list[Tensor] = [coarser]
        for own, mixture in zip(mixed[-2::-1], reversed(self.scale_mixtures[:-1]), strict=True):
            from_coarser = F.interpolate(coarser, own.shape[2:], mode="bilinear", align_corners=False)
            coarser = mixture((own + from_coarser) / sqrt(2))
            found.append(coarser)
        return found[::-1]

    def features(self, images: Tensor) -> Tensor:
        seen = [head(mixture) for head, mixture in zip(self.heads, self.mixtures(images), strict=True)]
        return torch.cat([maps.flatten(1) for maps in seen], dim=1)


class Scores(nn.Module):
    """A score at every place of every head's last map.

    Args:
        sizes: of the maps, ``(C, h, w)``.
    """

    def __init__(self, sizes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.sizes = sizes
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(size[0], 1, 1)) for size in sizes)

    def forward(self, features: Tensor) -> Tensor:
        """``(n, D) -> (n, k)``: maps, flattened and side by side, to as many scores as they have places."""
        parts = torch.split(features, [channels * h * w for channels, h, w in self.sizes], dim=1)
        maps = [part.view(-1, *size) for part, size in zip(parts, self.sizes, strict=True)]
        return torch.cat([layer(seen).flatten(1) for layer, seen in zip(self.layers, maps, strict=True)], dim=1)


def random_mixture(channels: int, out: int, *, kernel: int) -> nn.Conv2d:
    """A convolution that is drawn at random, keeps the scale of what it sees, and is never trained."""
    mixture = nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False)
    nn.init.normal_(mixture.weight, 0.0, 1 / sqrt(channels * kernel**2))
    return mixture.requires_grad_(False)


def head(width: int, side: tuple[int, int], *, to: tuple[int, int]) -> nn.Sequential:
    """Strided convolutions from a map of this side down to another side, and a last one that keeps it."""
    layers: list[nn.Module] = []
    for height, breadth in halved(side, to=to)[:-1]:
        kernel = (3 if height % 2 else 4, 3 if breadth % 2 else 4)
        layers += [spectral_norm(nn.Conv2d(width, width, kernel, stride=2, padding=1)), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, width, 3, padding=1)), nn.LeakyReLU(SLOPE))


def halved(side: tuple[int, int], *, to: tuple[int, int]) -> list[tuple[int, int]]:
    """A side and its halves, rounded up, until it is no larger than another.

    >>> halved((33, 32), to=(9, 8))
    [(33, 32), (17, 16), (9, 8)]
    """
    found = [side]
    while max(found[-1]) > max(to):
        found.append((-(-found[-1][0] // 2), -(-found[-1][1] // 2)))
    return found
