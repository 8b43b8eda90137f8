"""Answers to inputs that training did not see: are they true, do they fit the input, and are they many?

Of each held-out input, ten answers. An answer must give its input again where it is degraded as the original was
(*consistency*), one of them should be near the original (*best of ten*, in pixels, structure and ST-LPIPS), and they
should differ from each other (*diversity*, the mean ST-LPIPS of pairs: Zhu et al. 2017). The mean of answers has the
highest PSNR, as blurred pictures have. All answers together should look as the originals do (*Frechet distance*). Of an
answer to a label map that map should be read again (*agreement with the layout*).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.records import Score
from ...data.base import Dataset
from ...distances.efficientnet_lite0 import EfficientNetLite0Features
from ...distances.st_lpips import StLpips
from ...learned.layouts import layout_reader
from ...metrics import frechet_distance
from ..answers import Questions, answers
from ..fidelity import Eye, mean_score, measured, scored
from ..spaces import embedded
from .base import SEED, EvaluationProtocol, Looking, Subject

QUESTIONS, EACH = 100, 10
QUICK_QUESTIONS, QUICK_EACH = 20, 4
FEWEST, SMALLEST = 10, 16  # originals, and their side, for a Frechet distance


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
            networks = [StLpips(trunk="alex").to(device), EfficientNetLite0Features().to(device)]
        except UserError:
            return Looking()
        count, asked = len(Questions.of(dataset, QUESTIONS)), len(Questions.of(dataset, QUICK_QUESTIONS))
        return Looking(count * (EACH + 1), asked * (QUICK_EACH + 1), [network.embed for network in networks])

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
        eye = Eye.of(subject.device)
        scores = scored(measured(found, asked, eye), len(asked) * each, certificate, eye)
        if subject.quick:
            return tuple(scores)
        read = _agreement(found, asked, certificate, subject.dataset)
        return (*scores, *read, *_likeness(found, asked, certificate, subject.device))


def _agreement(found: Tensor, asked: Questions, certificate: Mapping[str, Any], dataset: Dataset) -> tuple[Score, ...]:
    """How much of the layout is read off answers, and off the originals; nothing where inputs are no label maps."""
    if dataset.palette is None:
        return ()
    reader, each = layout_reader(dataset), found.shape[1]
    of_answers = reader.agreement(found.flatten(0, 1), asked.inputs.repeat_interleave(each, 0)).view(-1, each).mean(1)
    of_originals = reader.agreement(asked.truth, asked.inputs)
    stated = {**certificate, "features": reader.fingerprint}
    values = {"layout_agreement": of_answers, "layout_agreement_originals": of_originals}
    return tuple(mean_score(name, each, found.shape[:2].numel(), stated) for name, each in values.items())


def _likeness(
    found: Tensor, asked: Questions, certificate: Mapping[str, Any], device: torch.device
) -> tuple[Score, ...]:
    """The Frechet distance of all answers from the originals; nothing of few or small ones, or without the network."""
    if len(asked) < FEWEST or min(found.shape[-2:]) < SMALLEST:
        return ()
    try:
        space = EfficientNetLite0Features().to(device)
    except UserError:
        return ()
    score = frechet_distance(*(embedded(space, images, device) for images in (asked.truth, found.flatten(0, 1))))
    return (score.certified({**certificate, "features": space.fingerprint()}),)
