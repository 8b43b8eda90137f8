"""Stacked digits: 26 samples for each mode; a classifier trained on single digits reads every channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.records import Score
from ...data.base import Dataset
from ...data.stacked import CLASSES, Stacked
from ...metrics import confidence, frechet_distance, mode_coverage, mode_kl, rare_modes
from ...networks.features.base import FeatureNetwork
from ..features import Trained, trained_network
from .base import BLOCK, EvaluationProtocol, Subject

PER_MODE = 26
QUICK = 5
RARE_BLOCKS = 10  # rare modes are counted over this many times the samples: the protocol's hold few of them


class StackedProtocol(EvaluationProtocol):
    """Modes, KL and quality of stacked digits; no Frechet distance in a first look."""

    name = "stacked"

    def fits(self, dataset: Dataset) -> bool:
        return isinstance(dataset, Stacked)

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        dataset = cast(Stacked, subject.dataset)
        classifier = trained_network("classifier", dataset, seed=subject.reader)
        total = PER_MODE * CLASSES**dataset.channels // (QUICK if subject.quick else 1)
        fake = _read(classifier.network, subject.draw(total), subject.device)
        data = dataset.labelled()
        real = _read(classifier.network, data.test_images[_by_law(data.test_labels, dataset)], subject.device)
        counts = _counts(fake.classes, dataset.channels)
        law = np.reshape(dataset.law(), counts.shape)
        least = 1 if subject.quick else 5
        confusion = classifier.report["confusion"]
        scores = [
            mode_coverage(counts, law, minimum=least, confusion=confusion),
            mode_kl(counts, law),
            replace(mode_kl(counts, np.ones(counts.shape), reference="uniform"), name="kl_uniform"),
            confidence(fake.probabilities.numpy(), real.probabilities.numpy()),
        ]
        if not subject.quick:
            scores.append(frechet_distance(real.features.numpy(), fake.features.numpy()))
        if dataset.rare_class is not None:
            for block in range(1, 1 if subject.quick else RARE_BLOCKS):
                more = _read(classifier.network, subject.draw(total, block), subject.device)
                counts = counts + _counts(more.classes, dataset.channels)
            scores.append(rare_modes(counts, law, rare_class=dataset.rare_class, confusion=confusion))
        certificate = _certificate(subject, classifier)
        drawn = {"rare_modes": int(counts.sum())}
        return tuple(s.certified({**certificate, "samples": drawn.get(s.name, total)}) for s in scores)


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


def _certificate(subject: Subject, classifier: Trained) -> dict[str, Any]:
    dataset = cast(Stacked, subject.dataset)
    return {
        "protocol": f"{dataset.protocol}{', quick look' if subject.quick else ''}",
        "classifier": classifier.report["fingerprint"],
        "classifier_test_accuracy": classifier.report["accuracy"],
        "real_split": "test digits" if dataset.rare_class is None else "test digits, the rare class at its share",
        "data": dataset.fingerprint,
        "seed": subject.seed,
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
