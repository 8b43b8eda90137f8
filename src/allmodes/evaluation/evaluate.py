"""Evaluation of samples against the data that they should look like, by the protocol for such data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..core.discovery import entries
from ..core.records import Score
from ..data.base import Dataset
from .clusters import clustering_scores
from .cost import cost_scores
from .cost import passes as timed
from .protocols.base import EvaluationProtocol, Looking, Subject

PROTOCOLS = "allmodes.evaluation.protocols"

# (score, detail): what the headline calls it
BESIDE = {
    ("modes", "raw"): "modes_raw",
    ("modes", "corrected"): "modes_corrected",
    ("modes", "high_quality"): "high_quality",
    ("modes", "kl"): "kl",
    ("modes", "worst_distance"): "worst_distance",
    ("kl", "excess"): "excess_kl",
    ("kl", "effective_modes"): "effective_modes",
    ("recall", "f1"): "f1",
    ("rare_modes", "corrected"): "rare_modes_corrected",
    ("rare_modes", "covered_at_half"): "rare_covered_at_half",
    ("rare_modes", "smallest_group_ratio"): "rare_smallest_group",
}


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

    def low(self, name: str) -> float | None:
        """The lower end of a score's interval, if there is that score with an interval."""
        return next((score.ci95[0] for score in self.scores if score.name == name and score.ci95), None)

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


def evaluate(subject: Subject) -> Evaluation:
    """Evaluate samples by the first protocol that fits their data; of a model what a sample costs, and its clusters."""
    found = _protocol(subject.dataset).scores(subject)
    if subject.quick or subject.model is None:
        return Evaluation(found)
    clusters = clustering_scores(subject.model, subject.dataset, seed=subject.seed)
    return Evaluation((*found, *clusters, *cost_scores(subject)))


def passes(dataset: Dataset) -> int:
    """See :meth:`EvaluationProtocol.passes`; with those that are timed."""
    return _protocol(dataset).passes(dataset) + timed()


def looking(dataset: Dataset, device: torch.device) -> Looking:
    """See :meth:`EvaluationProtocol.looking`."""
    return _protocol(dataset).looking(dataset, device)


def tells_copies(dataset: Dataset) -> bool:
    """Whether quick evaluations see copies of these data."""
    return _protocol(dataset).copies


def _protocol(dataset: Dataset) -> EvaluationProtocol:
    for protocol in sorted(entries(PROTOCOLS, EvaluationProtocol).values(), key=lambda protocol: protocol.order):
        if (found := protocol()).fits(dataset):
            return found
    raise LookupError("no protocol fits")
