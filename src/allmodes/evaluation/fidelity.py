"""What answers to questions have in common with the originals, with the inputs, and with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.records import Score
from ..distances.base import Distance
from ..distances.st_lpips import StLpips
from ..metrics.fidelity import WINDOW, best_of, psnr, ssim
from .answers import Questions
from .spaces import embedded

CAP = 100.0  # dB: what two equal images are taken as
FAITHFUL = ("psnr", "psnr_mean", "psnr_best", "ssim", "ssim_mean", "ssim_best")
OF_LUMA = {name: name.replace("psnr", "psnr_y").replace("ssim", "ssim_y") for name in FAITHFUL}
SEEN = ("st_lpips_best", "diversity", "st_lpips")  # in the features of ST-LPIPS
ORDER = (  # what says most of many answers first
    *("st_lpips_best", "diversity", "consistency", "st_lpips"),
    *(*FAITHFUL, *OF_LUMA.values()),
)
ABSENT = "ST-LPIPS is not installed (pip install 'allmodes[features]'): answers are not compared as people see them."

Values = dict[str, Tensor]  # of each question, by the name of the figure


@dataclass(frozen=True)
class Eye:
    """How answers are looked at.

    Args:
        device: where.
        distance: as people see them; None where its weights are not installed.
    """

    device: torch.device
    distance: Distance | None

    @classmethod
    def of(cls, device: torch.device) -> Eye:
        """ST-LPIPS, in the features of AlexNet."""
        try:
            return cls(device, StLpips(trunk="alex").to(device))
        except UserError:
            return cls(device, None)


def faithful(found: Tensor, truth: Tensor) -> Values:
    """PSNR in dB and SSIM: of answers the mean and the best, and of the mean of answers.

    Args:
        found: answers, ``(n, each, C, H, W)`` in [-1, 1].
        truth: the originals, ``(n, C, H, W)``.
    """
    n, each = found.shape[:2]
    flat, again = found.flatten(0, 1), truth.repeat_interleave(each, 0)
    near = psnr(flat, again).clamp(max=CAP).view(n, each)
    values = {
        "psnr": near.mean(1),
        "psnr_best": near.amax(1),
        "psnr_mean": psnr(found.mean(1), truth).clamp(max=CAP),
    }
    if min(found.shape[-2:]) >= WINDOW:
        alike = ssim(flat, again).view(n, each)
        values |= {"ssim": alike.mean(1), "ssim_best": alike.amax(1), "ssim_mean": ssim(found.mean(1), truth)}
    return values


def consistency(images: Tensor, inputs: Tensor, shrink: Callable[[Tensor], Tensor]) -> Tensor:
    """PSNR in dB of degraded answers against their inputs, where the answer has a say: not in a hole, which all have.

    Args:
        images: ``(n, C, H, W)`` in [-1, 1].
        inputs: ``(n, D, h, w)``.
        shrink: degrades images.

    Returns:
        float64 ``(n,)``.
    """
    told = shrink(torch.ones_like(images)) != shrink(-torch.ones_like(images))
    return psnr(shrink(images) * told, inputs * told) + 10 * told.double().flatten(1).mean(1).log10()


def measured(found: Tensor, asked: Questions, eye: Eye) -> Values:
    """Every figure of answers ``(n, each, C, H, W)``, of each question; ``nearest`` is the curve of the best of k."""
    values, each = faithful(found, asked.truth), found.shape[1]
    if asked.shrink is not None:
        again = torch.stack([consistency(found[:, k], asked.inputs, asked.shrink) for k in range(each)], 1)
        values["consistency"] = again.clamp(max=CAP).mean(1)
    if eye.distance is not None:
        codes = embedded(eye.distance, found.flatten(0, 1), eye.device).view(*found.shape[:2], -1)
        near = (codes - embedded(eye.distance, asked.truth, eye.device)[:, None]).square().sum(2)
        values |= {"st_lpips": near.mean(1), "st_lpips_best": near.amin(1), "nearest": best_of(near)}
        if each > 1:
            values["diversity"] = torch.stack([F.pdist(some.double()).square().mean() for some in codes])
    return values


def scored(values: Mapping[str, Tensor], answers: int, certificate: Mapping[str, Any], eye: Eye) -> list[Score]:
    """The mean of each figure over questions, with a normal interval.

    Args:
        values: see :func:`measured`.
        answers: how many there were, to all questions.
        certificate: how they were made.
        eye: that looked at them.
    """
    warnings = (ABSENT,) if eye.distance is None else ()
    seen = {} if eye.distance is None else {"features": eye.distance.fingerprint()}
    found = []
    for name in filter(values.__contains__, ORDER):
        detail = {"best_of": values["nearest"].mean(0).tolist()} if name == "st_lpips_best" else {}
        stated = {**certificate, **(seen if name in SEEN else {})}
        found.append(mean_score(name, values[name], answers, stated, detail, warnings))
    return found


def mean_score(
    name: str,
    values: Tensor,
    answers: int,
    certificate: Mapping[str, Any],
    detail: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Score:
    """The mean of a figure over questions ``(n,)``, each of which the detail has, with a normal interval."""
    each = values.double()
    interval, mean = None, float(each.mean())
    if len(each) > 1:
        error = 1.96 * float(each.std()) / len(each) ** 0.5
        interval = (mean - error, mean + error)
    return Score(
        name, mean, interval, len(each), answers, certificate, {"each": each.tolist(), **(detail or {})}, warnings
    )
