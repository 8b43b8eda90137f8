"""Answers to inputs that training did not see: are they true, do they fit the input, and are they many?

Of each held-out input, ten answers. An answer must give its input again where it is degraded as the original was
(*consistency*), one of them should be near the original (*best of ten*, in pixels, structure and ST-LPIPS), and they
should differ from each other (*diversity*, the mean ST-LPIPS of pairs: Zhu et al. 2017). The mean of answers has the
highest PSNR, as blurred pictures have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.records import Score
from ...data.base import Dataset
from ...distances.base import Distance
from ...distances.st_lpips import StLpips
from ...metrics.fidelity import WINDOW, best_of, psnr, ssim
from ..answers import Questions, answers
from ..spaces import embedded
from .base import SEED, EvaluationProtocol, Looking, Subject

QUESTIONS, EACH = 100, 10
QUICK_QUESTIONS, QUICK_EACH = 20, 4
CAP = 100.0  # dB: what two equal images are taken as
ORDER = (  # what says most of many answers first
    *("st_lpips_best", "diversity", "consistency", "st_lpips"),
    *("psnr", "psnr_mean", "psnr_best", "ssim", "ssim_mean", "ssim_best"),
)
ABSENT = "ST-LPIPS is not installed (pip install 'allmodes[features]'): answers are not compared as people see them."


class ConditionalProtocol(EvaluationProtocol):
    """Fidelity, consistency and diversity of answers."""

    name = "conditional"
    order = 5

    def fits(self, dataset: Dataset) -> bool:
        return dataset.input_shape is not None

    def passes(self, dataset: Dataset) -> int:
        return QUESTIONS * EACH

    def looking(self, dataset: Dataset, device: torch.device) -> Looking:
        try:
            distance = StLpips(trunk="alex").to(device)
        except UserError:
            return Looking()
        count, asked = len(Questions.of(dataset, QUESTIONS)), len(Questions.of(dataset, QUICK_QUESTIONS))
        return Looking(count * (EACH + 1), asked * (QUICK_EACH + 1), (distance.embed,))

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        assert subject.model is not None
        asked = Questions.of(subject.dataset, QUICK_QUESTIONS if subject.quick else QUESTIONS)
        each = QUICK_EACH if subject.quick else EACH
        found = answers(subject.model, asked.inputs, each, seed=SEED + subject.seed)
        certificate = {
            "protocol": "answers to inputs",
            "answers": f"{each} to each input",
            "split": asked.split,
            "data": subject.dataset.fingerprint,
            "seed": subject.seed,
        }
        figures, curve = _true(found, asked), {}
        warnings: tuple[str, ...] = ()
        try:
            distance: Distance = StLpips(trunk="alex").to(subject.device)
        except UserError:
            warnings = (ABSENT,)
        else:
            certificate["features"] = distance.fingerprint()
            near, pairs = _perceived(found, asked, distance, subject.device)
            figures |= {"st_lpips": near.mean(1), "st_lpips_best": near.amin(1), "diversity": pairs}
            curve = {"st_lpips_best": {"best_of": best_of(near).mean(0).tolist()}}
        return tuple(
            _score(name, figures[name], found, certificate, curve.get(name, {}), warnings)
            for name in ORDER
            if name in figures
        )


def _true(found: Tensor, asked: Questions) -> dict[str, Tensor]:
    """Of each question, what answers have in common with the original and with the input, by name."""
    n, each = found.shape[:2]
    flat, truth = found.flatten(0, 1), asked.truth.repeat_interleave(each, 0)
    near = psnr(flat, truth).clamp(max=CAP).view(n, each)
    figures = {
        "psnr": near.mean(1),
        "psnr_best": near.amax(1),
        "psnr_mean": psnr(found.mean(1), asked.truth).clamp(max=CAP),
    }
    if min(found.shape[-2:]) >= WINDOW:
        alike = ssim(flat, truth).view(n, each)
        figures |= {"ssim": alike.mean(1), "ssim_best": alike.amax(1), "ssim_mean": ssim(found.mean(1), asked.truth)}
    if asked.shrink is not None:
        again = torch.stack([psnr(asked.shrink(found[:, k]), asked.inputs) for k in range(each)], 1)
        figures["consistency"] = again.clamp(max=CAP).mean(1)
    return figures


def _perceived(found: Tensor, asked: Questions, distance: Distance, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of each question, squared distances of answers to the original ``(n, each)``, and the mean of pairs ``(n,)``."""
    n, each = found.shape[:2]
    codes = embedded(distance, found.flatten(0, 1), device).view(n, each, -1)
    truth = embedded(distance, asked.truth, device)
    pairs = torch.stack([torch.nn.functional.pdist(some.double()).square().mean() for some in codes])
    return (codes - truth[:, None]).square().sum(2), pairs


def _score(
    name: str,
    values: Tensor,
    found: Tensor,
    certificate: Mapping[str, Any],
    beside: Mapping[str, Any],
    warnings: tuple[str, ...],
) -> Score:
    """The mean over questions, with a normal interval."""
    mean, detail = float(values.mean()), {"each": [float(value) for value in values], **beside}
    interval = None
    if len(values) > 1:
        error = 1.96 * float(values.double().std()) / len(values) ** 0.5
        interval = (mean - error, mean + error)
    return Score(name, mean, interval, len(values), found.shape[0] * found.shape[1], certificate, detail, warnings)
