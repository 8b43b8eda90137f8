"""Distances in the features of a network that was trained on the data beforehand and then frozen."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.files import digest
from ..networks.features.base import MAPS, FeatureNetwork
from .base import Distance
from .maps import unit_maps
from .pixels import beside_pixels, check_weight


class FeatureDistance(Distance):
    """Euclidean distance of features; a network of one channel sees every channel of an image by itself.

    Stacked images are independent channels: features of each, side by side, keep combinations apart that no
    feature network has ever seen together.

    Args:
        maps: how many of the network's last maps to compare beside its features, as LPIPS compares maps: features
            say of what kind an image is, maps whether its strokes are well made.
        pixels: weight of the mean squared difference of pixels beside that of the features.

    Raises:
        UserError: there are not so many maps, or the weight is negative.
    """

    def __init__(self, *, maps: int = 0, pixels: float = 0.0) -> None:
        super().__init__()
        check_weight(pixels)
        if not 0 <= maps <= MAPS:
            raise UserError(f"'distance.maps' is {maps}, but must be from 0 to {MAPS}.")
        self.maps = maps
        self.pixels = pixels
        self._network: list[FeatureNetwork] = []  # in a list: its weights are not the distance's state

    def attach(self, network: nn.Module) -> None:
        if not isinstance(network, FeatureNetwork):
            raise TypeError(f"the distance '{self.name}' looks through a feature network")
        self._network = [network.eval().requires_grad_(False)]

    @property
    def network(self) -> FeatureNetwork:
        """The frozen network.

        Raises:
            RuntimeError: none is attached yet.
        """
        if not self._network:
            raise RuntimeError(f"the distance '{self.name}' needs attach() before use")
        return self._network[0]

    def parts(self, shape: Sequence[int]) -> int:
        """One for every group of channels that the network sees by itself."""
        return shape[0] // self.network.shape[0]

    def embed(self, images: Tensor) -> Tensor:
        return self._seen(self._split(images).flatten(0, 1)).reshape(len(images), -1)

    def embed_part(self, images: Tensor, part: Tensor) -> Tensor:
        """See :meth:`Distance.embed_part`. The network sees that part alone."""
        return self._seen(self._split(images)[torch.arange(len(images), device=images.device), part])

    def _split(self, images: Tensor) -> Tensor:
        return images.reshape(len(images), -1, self.network.shape[0], *images.shape[2:])

    def _seen(self, images: Tensor) -> Tensor:
        maps, features = self.network.layers(images, self.maps)
        return beside_pixels(torch.cat([features, *unit_maps(maps)], dim=1), images, self.pixels)

    def fingerprint(self) -> str:
        state = self.network.state_dict()
        weights = digest(*(state[key].cpu().numpy().tobytes() for key in sorted(state)))
        options = {"maps": self.maps, "pixels": self.pixels}
        return f"{self.name}({', '.join([weights, *(f'{k}={v:g}' for k, v in options.items() if v)])})"


class EmbeddingFeatures(FeatureDistance):
    """Features learned without labels: see :class:`allmodes.networks.features.embedding.Embedding`."""

    name = "embedding-features"
    needs = "embedding"


class ClassifierFeatures(FeatureDistance):
    """Hidden features of a classifier. They know the labels: an upper bound, not a fair unsupervised method."""

    name = "classifier-features"
    needs = "classifier"
