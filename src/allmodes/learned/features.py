"""Feature networks: trained once on the data, then frozen, kept under their fingerprint.

``classifier`` counts modes: cross-entropy on labelled digits, small random shifts. ``embedding`` is learned
without labels: two deformed copies of an image must be nearer to each other than to other images (SimCLR, Chen et
al. 2020, equation 1), so that images of one kind come to lie together, which pixels do not give.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.discovery import find
from ..core.errors import UserError
from ..core.files import cache_dir, digest, read_json, write_json
from ..core.progress import track
from ..core.seeding import derive_seed, stream
from ..core.tensors import load_tensors, save_tensors
from ..data.base import Dataset, Labelled
from ..networks.features.base import FeatureNetwork
from ..networks.features.classifier import Classifier
from ..networks.features.embedding import Embedding

LEAST_STEPS = 300
VERSION = "2"  # of networks and training: a change makes older networks in the cache invalid


@dataclass(frozen=True)
class Trained:
    """A frozen feature network with what is known of it.

    Args:
        network: in evaluation mode.
        report: fingerprint, seconds, test accuracy and (for a classifier) the confusion matrix.
    """

    network: FeatureNetwork
    report: dict[str, Any]


def trained_network(name: str, dataset: Dataset, *, seed: int = 0) -> Trained:
    """The feature network of this name for this data, from the cache or trained now.

    Args:
        name: ``"classifier"`` or ``"embedding"``.
        dataset: gives the images; stacked data gives the single digits that it is made of.
        seed: of weights and batches; another seed gives an independent network.

    Raises:
        UserError: a classifier is wanted for data without labels, or no feature network has this name.
    """
    find("allmodes.networks.features", FeatureNetwork, name)
    data = dataset.labelled() or _unlabelled(dataset)
    if name == "classifier" and data.classes == 0:
        raise UserError("A classifier needs labelled data, and this data has no labels: use embedding-features.")
    network = _initial(name, data, seed)
    key = f"{name}-{digest(data.fingerprint, _shapes(network), str(seed), VERSION)}"
    folder = cache_dir() / "features"
    report = _load(network, folder / key)
    if report is None:
        network = _initial(name, data, seed)  # a damaged file may have been loaded in part
        report = {"name": name, "fingerprint": key, **_train(network, data, seed)}
        _save(network, report, folder / key)
    return Trained(network.eval().requires_grad_(False), report)


def _initial(name: str, data: Labelled, seed: int) -> FeatureNetwork:
    shape = tuple(data.train_images.shape[1:])
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, name))
        return Classifier(shape, data.classes) if name == "classifier" else Embedding(shape)


def _shapes(network: nn.Module) -> str:
    """What is learned in it; not its printed form, which another version of torch words anew."""
    return " ".join(f"{name}{list(values.shape)}" for name, values in network.state_dict().items())


def _unlabelled(dataset: Dataset) -> Labelled:
    """Up to 20,000 examples of the data, as training images without labels."""
    images = dataset.batch(0, min(max(len(dataset), 1), 20_000), 0).images
    if images.ndim != 4:
        raise UserError("Planar points have no images to learn features from: use the distance pixels.")
    none = torch.zeros(0, dtype=torch.int64)
    return Labelled(images, none, images[:0], none, classes=0, fingerprint=dataset.fingerprint)


def _load(network: nn.Module, stem: Path) -> dict[str, Any] | None:
    try:
        network.load_state_dict(load_tensors(stem.with_suffix(".safetensors")).tensors)
        report = read_json(stem.with_suffix(".json"))
    except (RuntimeError, UserError):
        return None  # absent or damaged: train
    return report if isinstance(report, dict) and report.get("fingerprint") == stem.name else None


def _save(network: nn.Module, report: dict[str, Any], stem: Path) -> None:
    save_tensors(stem.with_suffix(".safetensors"), network.state_dict())
    write_json(stem.with_suffix(".json"), json.loads(json.dumps(report)))


def _train(network: FeatureNetwork, data: Labelled, seed: int) -> dict[str, Any]:
    began = time.perf_counter()
    _descend(network, data, _schedule(network, len(data.train_images)), seed)
    seconds = round(time.perf_counter() - began, 1)
    tested = _tested(network, data) if isinstance(network, Classifier) else _neighbours_agree(network, data)
    return {"seconds": seconds, **tested}


@dataclass(frozen=True)
class _Schedule:
    epochs: int
    lr: float
    batch: int


def _schedule(network: FeatureNetwork, count: int) -> _Schedule:
    """Few examples are seen more often, and in batches of no more than there are."""
    small = count < 10_000
    if isinstance(network, Classifier):
        batch, epochs, lr = 64 if small else 128, 30 if small else 5, 5e-3
    else:
        batch, epochs, lr = 256, 60 if small else 6, 3e-3
    batch = min(batch, count)
    return _Schedule(epochs=max(epochs, LEAST_STEPS // (count // batch)), lr=lr, batch=batch)


def _descend(network: FeatureNetwork, data: Labelled, schedule: _Schedule, seed: int) -> None:
    """One-cycle AdamW over the training images."""
    steps = schedule.epochs * (len(data.train_images) // schedule.batch)
    optimizer = torch.optim.AdamW(network.parameters(), schedule.lr, weight_decay=1e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, schedule.lr, total_steps=steps)
    network.train()
    count = len(data.train_images)
    title = f"Learning {type(network).name} features of {count:,} images (once; then kept)"
    for chosen, rng in track(_batches(count, schedule, seed), steps, title):
        images = data.train_images[chosen]
        if isinstance(network, Classifier):
            logits = network(shifted(images, rng))
            loss = F.cross_entropy(logits, data.train_labels[chosen], label_smoothing=0.05)
        else:
            pairs = torch.cat([deformed(images, rng), deformed(images, rng)])
            loss = contrastive(network.features(pairs))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        cycle.step()
    network.eval()


def _batches(count: int, schedule: _Schedule, seed: int) -> Iterator[tuple[Tensor, torch.Generator]]:
    rng = stream(seed, "feature training")
    for _ in range(schedule.epochs):
        order = torch.randperm(count, generator=rng)
        for start in range(0, count - schedule.batch + 1, schedule.batch):
            yield order[start : start + schedule.batch], rng


def shifted(images: Tensor, rng: torch.Generator) -> Tensor:
    """Images ``(n, C, H, W)`` moved by up to 2 pixels each way (1 below 16 pixels), filled with background."""
    reach = 2 if images.shape[-1] >= 16 else 1
    side = images.shape[-1]
    padded = F.pad(images, (reach,) * 4, value=-1.0)
    offset = torch.randint(2 * reach + 1, (2, len(images), 1), generator=rng) + torch.arange(side)
    rows, columns = offset[0][:, None, :, None], offset[1][:, None, None, :]
    item = torch.arange(len(images))[:, None, None, None]
    channel = torch.arange(images.shape[1])[None, :, None, None]
    return padded[item, channel, rows, columns]


def deformed(images: Tensor, rng: torch.Generator) -> Tensor:
    """Images ``(n, C, H, W)`` turned, scaled, sheared and moved a little, each by its own amount."""

    def amount(reach: float) -> Tensor:
        return (torch.rand(len(images), generator=rng) - 0.5) * 2 * reach

    angle, shear = amount(0.3), amount(0.25)
    wide, high = 1 + amount(0.15), 1 + amount(0.15)
    first = torch.stack([angle.cos() * wide, shear - angle.sin() * high, amount(0.15)], 1)
    second = torch.stack([angle.sin() * wide, angle.cos() * high, amount(0.15)], 1)
    grid = F.affine_grid(torch.stack([first, second], 1), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # +1: what comes from outside is background


def contrastive(features: Tensor, *, temperature: float = 0.2) -> Tensor:
    """NT-Xent loss of unit features ``(2n, D)`` whose i-th and (n+i)-th row belong together."""
    similar = features @ features.T / temperature
    similar.fill_diagonal_(-torch.inf)
    half = len(features) // 2
    partner = torch.arange(len(features), device=features.device).roll(half)
    return F.cross_entropy(similar, partner)


@torch.no_grad()
def _tested(network: Classifier, data: Labelled) -> dict[str, Any]:
    """Test accuracy and confusion matrix, rows true and columns read, counts."""
    read = torch.cat([network(part).argmax(1) for part in torch.split(data.test_images, 1000)])
    pair = data.test_labels * data.classes + read
    confusion = torch.bincount(pair, minlength=data.classes**2).view(data.classes, data.classes)
    accuracy = float((read == data.test_labels).double().mean())
    return {"accuracy": accuracy, "confusion": confusion.tolist(), "test_images": len(read)}


@torch.no_grad()
def _neighbours_agree(network: FeatureNetwork, data: Labelled) -> dict[str, Any]:
    """Share of test images whose nearest training image has their label: a diagnosis, never used in training."""
    if len(data.test_labels) == 0:
        return {}
    train = torch.cat([network.features(part) for part in torch.split(data.train_images, 1000)])
    test = torch.cat([network.features(part) for part in torch.split(data.test_images[:2_000], 1000)])
    nearest = torch.cat([torch.cdist(part, train).argmin(1) for part in torch.split(test, 200)])
    agree = data.train_labels[nearest] == data.test_labels[: len(nearest)]
    return {"nearest_neighbour_accuracy": float(agree.double().mean())}
