"""Distances in the features of a network that was trained on the data beforehand and then frozen."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from ..core.files import digest
from ..networks.features.base import FeatureNetwork
from .base import Distance
from .pixels import beside_pixels, check_weight


class FeatureDistance(Distance):
    """Euclidean distance of features; a network of one channel sees every channel of an image by itself.

    Stacked images are independent channels: features of each, side by side, keep combinations apart that no
    feature network has ever seen together.

    Args:
        pixels: weight of the mean squared difference of pixels beside that of the features.

    Raises:
        UserError: the weight is negative.
    """

    def __init__(self, *, pixels: float = 0.0) -> None:
        super().__init__()
        check_weight(pixels)
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
        channels = self.network.shape[0]
        parts = images.reshape(-1, channels, *images.shape[2:])
        return beside_pixels(self.network.features(parts), parts, self.pixels).reshape(len(images), -1)

    def fingerprint(self) -> str:
        state = self.network.state_dict()
        weights = digest(*(state[key].cpu().numpy().tobytes() for key in sorted(state)))
        return f"{self.name}({weights}, pixels={self.pixels:g})" if self.pixels else f"{self.name}({weights})"


class EmbeddingFeatures(FeatureDistance):
    """Features learned without labels: see :class:`allmodes.networks.features.embedding.Embedding`."""

    name = "embedding-features"
    needs = "embedding"


class ClassifierFeatures(FeatureDistance):
    """Hidden features of a classifier. They know the labels: an upper bound, not a fair unsupervised method."""

    name = "classifier-features"
    needs = "classifier"
