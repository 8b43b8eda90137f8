"""What a sample costs: network calls, and measured seconds.

A generator that takes many calls for one sample can be ahead of one that takes a single call, and a table that leaves
that out compares unlike things.
"""

from __future__ import annotations

import time

import torch

from ..core.records import Score
from .protocols.base import Subject

SAMPLES = 500  # that are timed at once, as many as a model makes at once
TRIALS = 3  # of which the least counts: another program may have had the core


def passes() -> int:
    """How many samples the generator makes for these scores."""
    return SAMPLES * TRIALS


def cost_scores(subject: Subject) -> tuple[Score, ...]:
    """Network calls for a sample, and seconds for 1,000 of them with the drawing of their latents.

    The seconds are those of this machine, on ``detail["device"]`` with ``detail["threads"]`` threads. They are measured
    after other samples were drawn, so that nothing is made for the first time.
    """
    assert subject.model is not None
    taken = min(_seconds(subject, trial) for trial in range(TRIALS))
    detail = {"device": subject.device.type, "threads": torch.get_num_threads(), "at_once": SAMPLES}
    return (
        Score("calls", subject.model.generator.calls),
        Score("sampling_seconds", 1_000 * taken / SAMPLES, n_fake=SAMPLES, detail=detail),
    )


def _seconds(subject: Subject, trial: int) -> float:
    began = time.perf_counter()
    subject.draw(SAMPLES, trial)  # on the CPU at the end, so a GPU has been waited for
    return time.perf_counter() - began
