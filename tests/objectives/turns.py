"""Turns of an objective on given samples."""

from __future__ import annotations

import torch

from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.objectives.base import Loss, Objective, total
from allmodes.objectives.terms import Step, Term


def step_of(method: Objective, real: torch.Tensor, fake: torch.Tensor, at: Moment) -> Step:
    """A step whose real images and samples are these."""
    batch = Batch(real, torch.arange(len(real)))
    step = method.step(batch, at)
    step.samples = fake
    return step


def turn(method: Objective, player: str, step: Step, *, without: type[Term] | None = None) -> Loss:
    """What a player descends, without terms of a kind."""
    terms = [term for term in method.terms if term.on(step.moment) and term.player == player]
    return total([term for term in terms if without is None or not isinstance(term, without)], step)
