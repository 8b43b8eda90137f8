"""What spaces make of images whose faults are known: why digits are measured in AlexNet's features.

``python benchmarks/split.py`` prints a table of precision and recall against MNIST's test split, ``--data cifar10``
against that of CIFAR-10.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from allmodes.data.cifar10 import Cifar10
from allmodes.data.fixed import FixedImages
from allmodes.data.mnist import Mnist
from allmodes.distances.base import Distance
from allmodes.distances.efficientnet_lite0 import EfficientNetLite0Features
from allmodes.distances.pixels import Pixels
from allmodes.distances.st_features import StAlexFeatures
from allmodes.evaluation.reference import K
from allmodes.evaluation.spaces import embedded
from allmodes.metrics import precision_recall

DATA: Mapping[str, Callable[[], FixedImages]] = {"mnist": Mnist, "cifar10": Cifar10}
SPACES: tuple[type[Distance], ...] = (StAlexFeatures, EfficientNetLite0Features, Pixels)


def blurred(images: Tensor, sigma: float) -> Tensor:
    """By a Gaussian of so many pixels; outside of images it is black."""
    weights = torch.exp(-torch.arange(-3, 4).float().square() / (2 * sigma**2))
    weights = weights / weights.sum()
    channels = (images + 1).flatten(0, 1)[:, None]
    rows = F.conv2d(channels, weights.view(1, 1, 1, -1), padding=(0, 3))
    return (F.conv2d(rows, weights.view(1, 1, -1, 1), padding=(3, 0)) - 1).view_as(images)


def planted(data: FixedImages, count: int) -> Mapping[str, Tensor]:
    """Sets of training images, ``(count, C, h, w)`` each, as they are and with faults."""
    rng = torch.Generator().manual_seed(0)
    batch = data.batch(0, 4 * count, 0)
    images, labels = batch.images, batch.labels
    assert labels is not None
    first = images[:count]
    noise = torch.randn(first.shape, generator=rng)
    return {
        "training images": first,
        "with a little noise (0.1)": (first + 0.1 * noise).clamp(-1, 1),
        "with noise (0.3)": (first + 0.3 * noise).clamp(-1, 1),
        "blurred by 0.7 pixels": blurred(first, 0.7),
        "means of two": (first + images[count : 2 * count]) / 2,
        "without class 7": images[labels != 7][:count],
        "without classes 5 to 9": images[labels < 5][:count],
        "100 images again and again": first[torch.arange(count) % 100],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1_000, help="images of each set, and test images")
    parser.add_argument("--data", choices=DATA, default="mnist")
    arguments = parser.parse_args()
    data, count, device = DATA[arguments.data](), arguments.n, torch.device("cpu")
    real, sets = data.test_images[:count], planted(data, count)
    print(f"| {count:,} images: precision, recall | {' | '.join(cls.name for cls in SPACES)} |")
    print("|---" * (len(SPACES) + 1) + "|")
    cells: dict[str, list[str]] = {name: [] for name in sets}
    for cls in SPACES:
        distance = cls().to(device)
        features = embedded(distance, real, device)
        for name, images in sets.items():
            pair = precision_recall(features, embedded(distance, images, device), k=K)
            cells[name].append(", ".join(f"{score.value:.2f}" for score in pair))
    for name, row in cells.items():
        print(f"| {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
