"""Evaluation of samples against the data that they should look like, by a named protocol.

Stacked digits: 26 samples for each mode; a classifier trained on single digits reads every channel. Planar
mixtures: samples near the known modes. Other images: Frechet distance in features learned from the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ..core.records import Score
from ..data.base import Dataset
from ..data.planar import Planar
from ..data.stacked import CLASSES, Stacked
from ..metrics import confidence, frechet_distance, mode_coverage, mode_kl, planar_coverage, rare_modes
from ..networks.features.base import FeatureNetwork
from .features import Trained, trained_network

PER_MODE = 26
QUICK = 5
RARE_BLOCKS = 10  # rare modes are counted over this many times the samples: the protocol's hold few of them
PLANAR_SAMPLES = 10_000
IMAGE_SAMPLES = 5_000
BLOCK = 500
SAMPLES_SEED = 1_000_003  # apart from the latents of grids and training

# (score, detail): what the headline calls it
BESIDE = {
    ("modes", "raw"): "modes_raw",
    ("modes", "corrected"): "modes_corrected",
    ("modes", "high_quality"): "high_quality",
    ("modes", "kl"): "kl",
    ("kl", "excess"): "excess_kl",
    ("kl", "effective_modes"): "effective_modes",
    ("rare_modes", "corrected"): "rare_modes_corrected",
    ("rare_modes", "covered_at_half"): "rare_covered_at_half",
    ("rare_modes", "smallest_group_ratio"): "rare_smallest_group",
}

Sampler = Callable[[int, int], Tensor]


@dataclass(frozen=True)
class Evaluation:
    """The scores of a model under one protocol."""

    scores: tuple[Score, ...]

    def headline(self) -> dict[str, float]:
        """Every score's value by name, with what counts beside the modes and the KL."""
        found: dict[str, float] = {}
        for score in self.scores:
            found[score.name] = score.value
            beside = {detail: name for (of, detail), name in BESIDE.items() if of == score.name}
            found |= {name: score.detail[detail] for detail, name in beside.items() if detail in score.detail}
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"scores": [score.to_json() for score in self.scores], "headline": self.headline()}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> Evaluation:
        """The evaluation that :meth:`to_json` wrote."""
        scores = []
        for entry in document["scores"]:
            interval = None if entry["ci95"] is None else (entry["ci95"][0], entry["ci95"][1])
            scores.append(Score(**{**entry, "ci95": interval, "warnings": tuple(entry["warnings"])}))
        return Evaluation(tuple(scores))


def evaluate(
    sample: Sampler, dataset: Dataset, *, seed: int, device: torch.device, quick: bool = False, reader: int = 0
) -> Evaluation:
    """Evaluate samples against a dataset by its protocol.

    Args:
        sample: ``sample(n, seed)`` gives ``(n, *shape)``, images in [-1, 1].
        dataset: what they should look like.
        seed: of the run.
        device: where networks read the samples.
        quick: a fifth of the samples, and no Frechet distance of digits: for the progress bar, not for a table.
        reader: seed of the classifier; another one is trained independently and confirms the first.
    """
    if isinstance(dataset, Planar):
        points = sample(PLANAR_SAMPLES, SAMPLES_SEED + seed).cpu()
        found = planar_coverage(points.numpy(), dataset.modes.numpy(), sigma=dataset.sigma)
        certificate = {"protocol": "planar, 4 sigma", "seed": seed, "data": dataset.fingerprint}
        return Evaluation((found.certified(certificate),))
    if isinstance(dataset, Stacked):
        return _evaluate_stacked(sample, dataset, seed=seed, device=device, quick=quick, reader=reader)
    return _evaluate_images(sample, dataset, seed=seed, device=device, quick=quick)


def _evaluate_stacked(
    sample: Sampler, dataset: Stacked, *, seed: int, device: torch.device, quick: bool, reader: int
) -> Evaluation:
    classifier = trained_network("classifier", dataset, seed=reader)
    total = PER_MODE * CLASSES**dataset.channels // (QUICK if quick else 1)
    fake = _read(classifier.network, sample(total, SAMPLES_SEED + seed), device)
    data = dataset.labelled()
    real = _read(classifier.network, data.test_images[_by_law(data.test_labels, dataset)], device)
    counts = _counts(fake.classes, dataset.channels)
    law = np.reshape(dataset.law(), counts.shape)
    least = 1 if quick else 5
    confusion = classifier.report["confusion"]
    scores = [
        mode_coverage(counts, law, minimum=least, confusion=confusion),
        mode_kl(counts, law),
        replace(mode_kl(counts, np.ones(counts.shape), reference="uniform"), name="kl_uniform"),
        confidence(fake.probabilities.numpy(), real.probabilities.numpy()),
    ]
    if not quick:
        scores.append(frechet_distance(real.features.numpy(), fake.features.numpy()))
    if dataset.rare_class is not None:
        for block in range(1, 1 if quick else RARE_BLOCKS):
            more = _read(classifier.network, sample(total, SAMPLES_SEED * (block + 1) + seed), device)
            counts = counts + _counts(more.classes, dataset.channels)
        scores.append(rare_modes(counts, law, rare_class=dataset.rare_class, confusion=confusion))
    certificate = _certificate(dataset, classifier, seed, quick)
    drawn = {"rare_modes": int(counts.sum())}
    return Evaluation(tuple(s.certified({**certificate, "samples": drawn.get(s.name, total)}) for s in scores))


def _counts(classes: Tensor, channels: int) -> NDArray[np.int64]:
    """Samples per mode, an axis for each channel, from the classes ``(n * channels,)`` of single digits."""
    place = CLASSES ** torch.arange(channels - 1, -1, -1)
    modes = (classes.view(-1, channels) * place).sum(1)
    counts: NDArray[np.int64] = torch.bincount(modes, minlength=CLASSES**channels).numpy()
    return counts.reshape((CLASSES,) * channels)


def _by_law(labels: Tensor, dataset: Stacked) -> Tensor:
    """Which test digits to compare with: all, but of a rare class only its share in the data."""
    if dataset.rare_class is None:
        return torch.arange(len(labels))
    rare = torch.nonzero(labels == dataset.rare_class).flatten()
    others = torch.nonzero(labels != dataset.rare_class).flatten()
    share = float(dataset.class_law[dataset.rare_class])
    return torch.cat([others, rare[: round(share / (1 - share) * len(others))]])


def _certificate(dataset: Stacked, classifier: Trained, seed: int, quick: bool) -> dict[str, Any]:
    return {
        "protocol": f"{dataset.protocol}{', quick look' if quick else ''}",
        "classifier": classifier.report["fingerprint"],
        "classifier_test_accuracy": classifier.report["accuracy"],
        "real_split": "test digits" if dataset.rare_class is None else "test digits, the rare class at its share",
        "data": dataset.fingerprint,
        "seed": seed,
        "resize": "none",
    }


@dataclass(frozen=True)
class _Reading:
    """What a classifier reads in single images: class ``(n,)``, probabilities ``(n, C)``, features ``(n, D)``."""

    classes: Tensor
    probabilities: Tensor
    features: Tensor


@torch.no_grad()
def _read(network: FeatureNetwork, images: Tensor, device: torch.device) -> _Reading:
    network.to(device)
    probabilities, features = [], []
    for part in torch.split(images.reshape(-1, *network.shape), BLOCK):
        hidden = network.features(part.to(device))
        probabilities.append(F.softmax(network.head(hidden), dim=1).cpu())  # type: ignore[operator]
        features.append(hidden.cpu())
    joined = torch.cat(probabilities)
    return _Reading(joined.argmax(1), joined, torch.cat(features))


def _evaluate_images(sample: Sampler, dataset: Dataset, *, seed: int, device: torch.device, quick: bool) -> Evaluation:
    trained = trained_network("embedding", dataset)
    network = trained.network.to(device)

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        return torch.cat([network.features(part.to(device)).cpu() for part in torch.split(images, BLOCK)])

    total = max(2, min(len(dataset), IMAGE_SAMPLES // (QUICK if quick else 1)))
    real = features(dataset.batch(0, total, 0).images)
    score = frechet_distance(real.numpy(), features(sample(total, SAMPLES_SEED + seed)).numpy())
    certificate = {
        "protocol": "Frechet distance to the training images; it rewards copying them",
        "features": trained.report["fingerprint"],
        "data": dataset.fingerprint,
        "samples": total,
        "seed": seed,
        "resize": "none",
    }
    return Evaluation((score.certified(certificate),))
