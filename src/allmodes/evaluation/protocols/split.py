"""Images with a test split of their own: samples against images that no training saw, so copying does not help.

Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) and the Frechet distance in
one network whose weights never change. What as many training images reach stands beside each figure: two halves of the
data differ too, and no generator need be nearer to the test split than the data it was trained on.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from ...core.records import Score
from ...data.base import Dataset
from ..reference import NEAREST, K, Reference, compared, fixed_space, is_kept
from .base import BLOCK, EvaluationProtocol, Looking, Subject

SAMPLES, QUICK = 10_000, 1_000  # and as many test images, if there are so many
LEAST = 100  # test images: fewer say little


class SplitProtocol(EvaluationProtocol):
    """Likeness and coverage, beside those of training images."""

    name = "test-split"
    order = 60

    def fits(self, dataset: Dataset) -> bool:
        images = dataset.fixed and len(dataset.shape) == 3 and dataset.shape[0] in {1, 3}
        return images and len(dataset.test_images) >= LEAST

    def passes(self, dataset: Dataset) -> int:
        return _count(dataset, SAMPLES)

    def looking(self, dataset: Dataset, device: torch.device) -> Looking:
        if (network := fixed_space(dataset)) is None:
            return Looking()
        samples = _count(dataset, SAMPLES)
        looks = 1 if is_kept(dataset, network, samples) else 3  # test images and training images, but once
        return Looking(looks * samples, _count(dataset, QUICK), [network.to(device).embed])

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        count = _count(subject.dataset, QUICK if subject.quick else SAMPLES)
        reference = Reference.of(subject.dataset, count, subject.device, first_look=subject.quick)
        parts = [min(BLOCK, count - start) for start in range(0, count, BLOCK)]
        fake = torch.cat([reference.features(subject.draw(size, block)) for block, size in enumerate(parts)])
        return tuple(_beside(score, reference, subject) for score in compared(reference.real, fake))


def _count(dataset: Dataset, most: int) -> int:
    return min(most, len(dataset.test_images))


def _beside(score: Score, reference: Reference, subject: Subject) -> Score:
    """The score with that of the training images and its certificate."""
    certificate = {
        "protocol": f"samples against the test split{', quick look' if subject.quick else ''}",
        "features": reference.distance.fingerprint(),
        "k": {"precision": K, "recall": K, "density": NEAREST, "coverage": NEAREST}.get(score.name),
        "split": f"{len(reference.real):,} test images",
        "data": subject.dataset.fingerprint,
        "seed": subject.seed,
    }
    ceiling = reference.ceiling.get(score.name)
    detail = score.detail if ceiling is None else {**score.detail, "training": ceiling}
    stated = {key: value for key, value in certificate.items() if value is not None}
    return replace(score, detail=detail, warnings=(*score.warnings, *reference.warnings)).certified(stated)
