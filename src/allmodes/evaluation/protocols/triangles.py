"""Triangles: true precision and recall, from the distances of samples and of test triangles.

Distances are Euclidean over pixels in [0, 1], as in Lucic et al. 2018.
"""

from __future__ import annotations

from typing import cast

from ...core.records import Score
from ...data.base import Dataset
from ...data.triangles import Triangles, nearest_triangles
from ...metrics import manifold_precision_recall
from .base import EvaluationProtocol, Subject

SAMPLES, EXAMPLES = 10_000, 1_000
STEPS = 100  # of a descent in the latent
QUICK = 10


class TrianglesProtocol(EvaluationProtocol):
    """Precision of samples, and recall of test triangles by the latents that come nearest to them."""

    name = "triangles"

    def fits(self, dataset: Dataset) -> bool:
        return isinstance(dataset, Triangles)

    def passes(self, dataset: Dataset) -> int:
        return 2 * SAMPLES + 3 * STEPS * EXAMPLES

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        dataset = cast(Triangles, subject.dataset)
        share = QUICK if subject.quick else 1
        samples = (subject.draw(SAMPLES // share).cpu()[:, 0] + 1) / 2
        heldout = dataset.test_images[: EXAMPLES // share]
        assert subject.model is not None
        found = subject.model.invert(heldout, steps=STEPS, seed=subject.seed)
        certificate = {
            "protocol": f"true distances from the manifold{', quick look' if subject.quick else ''}",
            "recall_by": "descent in the latent, from the nearest sample of a pool",
            "data": dataset.fingerprint,
            "seed": subject.seed,
        }
        scores = manifold_precision_recall(nearest_triangles(samples), found.distances / 2)
        return tuple(score.certified({**score.certificate, **certificate}) for score in scores)
