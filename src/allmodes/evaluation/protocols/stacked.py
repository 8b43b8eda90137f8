"""Stacked digits: 26 samples for each mode; a classifier trained on single digits reads every channel.

A rare class is counted only where the classifier is sure. What it takes for one without being sure is mostly poor
pictures of other digits, ten times as many as the class should have: any poor generator would seem to cover it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...core.progress import track
from ...core.records import Score
from ...data.base import Dataset
from ...data.stacked import CLASSES, Stacked
from ...learned.features import Trained, trained_network
from ...metrics import confidence, frechet_distance, mode_coverage, mode_kl, rare_modes
from ...networks.features.base import FeatureNetwork
from .base import BLOCK, EvaluationProtocol, Subject

PER_MODE = 26
QUICK = 5
SURE = 0.9  # least probability with which a rare class is read
RARE_BLOCKS = 10  # rare modes are counted over this many times the samples: the protocol's hold few of them


class StackedProtocol(EvaluationProtocol):
    """Modes, KL and quality of stacked digits; no Frechet distance in a first look."""

    name = "stacked"

    def fits(self, dataset: Dataset) -> bool:
        return isinstance(dataset, Stacked)

    def passes(self, dataset: Dataset) -> int:
        stacked = cast(Stacked, dataset)
        blocks = 1 if stacked.rare_class is None else RARE_BLOCKS
        return PER_MODE * int(CLASSES**stacked.channels) * blocks

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        dataset = cast(Stacked, subject.dataset)
        classifier = trained_network("classifier", dataset, seed=subject.reader)
        total = PER_MODE * CLASSES**dataset.channels // (QUICK if subject.quick else 1)
        fake = _read(classifier.network, subject.draw(total), subject.device)
        data = dataset.labelled()
        test = _read(classifier.network, data.test_images, subject.device)
        real = test.of(_by_law(data.test_labels, dataset))
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
            blocks = range(1, 1 if subject.quick else RARE_BLOCKS)
            more = (_read(classifier.network, subject.draw(total, block), subject.device) for block in blocks)
            scores.append(_rare(chain([fake], more), test, data.test_labels, dataset))
        certificate = _certificate(subject, classifier)
        drawn = {"rare_modes": scores[-1].n_fake}
        return tuple(s.certified({**certificate, "samples": drawn.get(s.name, total)}) for s in scores)


def _rare(readings: Iterable[_Reading], test: _Reading, labels: Tensor, dataset: Stacked) -> Score:
    """Coverage of the rare class, counted where it is read with certainty; ``labels`` are those of the test digits."""
    rare, law = cast(int, dataset.rare_class), np.reshape(dataset.law(), (CLASSES,) * dataset.channels)
    counts, total = np.zeros(law.shape, dtype=np.int64), 0
    for reading in readings:
        sure = reading.sure(rare).view(-1, dataset.channels).all(1)
        counts += _counts(reading.classes.view(-1, dataset.channels)[sure].flatten(), dataset.channels)
        total += len(sure)
    kept = test.sure(rare)
    read = torch.bincount(CLASSES * labels[kept] + test.classes[kept], minlength=CLASSES**2).view(CLASSES, CLASSES)
    rates = read.double() / torch.bincount(labels, minlength=CLASSES).clamp_min(1)[:, None]
    return rare_modes(counts, law, rare_class=rare, total=total, rates=rates.numpy())


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

    def of(self, rows: Tensor) -> _Reading:
        """The same of these images."""
        return _Reading(self.classes[rows], self.probabilities[rows], self.features[rows])

    def sure(self, rare: int) -> Tensor:
        """Which images count: all but those that are read as the rare class with too small a probability."""
        return (self.classes != rare) | (self.probabilities[:, rare] > SURE)


@torch.no_grad()
def _read(network: FeatureNetwork, images: Tensor, device: torch.device) -> _Reading:
    network.to(device)
    probabilities, features = [], []
    parts = torch.split(images.reshape(-1, *network.shape), BLOCK)
    for part in track(parts, len(parts), f"Reading {len(images):,} images"):
        hidden = network.features(part.to(device))
        probabilities.append(F.softmax(network.head(hidden), dim=1).cpu())  # type: ignore[operator]
        features.append(hidden.cpu())
    joined = torch.cat(probabilities)
    return _Reading(joined.argmax(1), joined, torch.cat(features))
