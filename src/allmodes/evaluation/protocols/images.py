"""Any images: Frechet distance in features learned from the data."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.progress import track
from ...core.records import Score
from ...data.base import Dataset
from ...learned.features import trained_network
from ...metrics import frechet_distance
from .base import BLOCK, EvaluationProtocol, Subject

SAMPLES = 5_000
QUICK = 5


class ImagesProtocol(EvaluationProtocol):
    """What can be measured of all images."""

    name = "images"
    order = 100

    def fits(self, dataset: Dataset) -> bool:
        return True

    def passes(self, dataset: Dataset) -> int:
        return min(len(dataset), SAMPLES)

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        dataset = subject.dataset
        trained = trained_network("embedding", dataset)
        network = trained.network.to(subject.device)

        @torch.no_grad()
        def features(images: Tensor) -> Tensor:
            parts = torch.split(images, BLOCK)
            shown = track(parts, len(parts), f"Looking at {len(images):,} images")
            return torch.cat([network.features(part.to(subject.device)).cpu() for part in shown])

        total = max(2, min(len(dataset), SAMPLES // (QUICK if subject.quick else 1)))
        real = features(dataset.batch(0, total, 0).images)
        score = frechet_distance(real.numpy(), features(subject.draw(total)).numpy())
        certificate = {
            "protocol": "Frechet distance to the training images; it rewards copying them",
            "features": trained.report["fingerprint"],
            "data": dataset.fingerprint,
            "samples": total,
            "seed": subject.seed,
            "resize": "none",
        }
        return (score.certified(certificate),)
