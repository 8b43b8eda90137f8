"""Planar mixtures: samples near the known modes."""

from __future__ import annotations

from typing import cast

from ...core.records import Score
from ...data.base import Dataset
from ...data.planar import Planar
from ...metrics import planar_coverage
from .base import EvaluationProtocol, Subject

SAMPLES = 10_000


class PlanarProtocol(EvaluationProtocol):
    """Modes of a planar mixture."""

    name = "planar"

    def fits(self, dataset: Dataset) -> bool:
        return isinstance(dataset, Planar)

    def passes(self, dataset: Dataset) -> int:
        return SAMPLES

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        dataset = cast(Planar, subject.dataset)
        points = subject.draw(SAMPLES).cpu()
        found = planar_coverage(points.numpy(), dataset.modes.numpy(), sigma=dataset.sigma)
        certificate = {"protocol": "planar, 4 sigma", "seed": subject.seed, "data": dataset.fingerprint}
        return (found.certified(certificate),)
