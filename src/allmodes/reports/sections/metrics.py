"""Every score with its interval and with the certificate of what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.records import Score
from ..base import Section
from ..page import fill
from ..run_files import RunFiles
from ..words import SPLIT, write_figure

# (score, detail): what stands beside the figure to hold it against
BASELINES = {
    ("coverage", "expected"): "samples of the data's own law",
    ("covered", "expected"): "samples of the data's own law",
    **{(name, "training"): "as many training images" for name in SPLIT},
    ("frechet_heldout", "training"): "the training images",
    ("inversion_train", "training"): "the nearest other training images",
    ("inversion_heldout", "training"): "the nearest training images",
    ("reached_train", "pixels"): "in pixels",
    ("reached_heldout", "pixels"): "in pixels",
}


def shared_certificate(scores: Sequence[Score]) -> dict[str, Any]:
    """The entries that all certificates agree on; what a sample costs has none."""
    first, *others = [score.certificate for score in scores if score.certificate] or [{}]
    return {key: value for key, value in first.items() if all(other.get(key, ...) == value for other in others)}


def own_certificate(score: Score, shared: Mapping[str, Any]) -> str:
    """The rest of a score's certificate in one line."""
    return "; ".join(f"{key} {value}" for key, value in score.certificate.items() if key not in shared)


def baseline(score: Score) -> str:
    """What the figure is to be held against, in words, or nothing."""
    known = ((words, score.detail.get(detail)) for (name, detail), words in BASELINES.items() if name == score.name)
    return "; ".join(f"{words}: {write_figure(score.name, value)}" for words, value in known if value is not None)


class Metrics(Section):
    """The table of scores, their warnings and their certificate."""

    name = "metrics"
    order = 50
    title = "Metrics"

    def render(self, run: RunFiles) -> str | None:
        scores = list(run.scores.values())
        if not scores:
            return None
        shared = shared_certificate(scores)
        warnings = list(dict.fromkeys(warning for score in scores for warning in score.warnings))
        rows = [(score, own_certificate(score, shared), baseline(score)) for score in scores]
        return fill("metrics.html", rows=rows, shared=shared, warnings=warnings)
