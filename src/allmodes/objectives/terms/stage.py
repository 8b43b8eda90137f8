"""A term that is part of the sum during a stage of the training alone."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ...core.moment import Moment
from .base import Loss, Step, Term


class Stage(Term):
    """Another term, from one share of the training until another.

    Args:
        term: what it is otherwise.
        begin: share of the training from which it is on.
        end: share before which it is.
    """

    def __init__(self, term: Term, *, begin: float = 0.0, end: float = float("inf")) -> None:
        self.term = term
        self.name = term.name  # type: ignore[misc]
        self.player = term.player
        self.begin = begin
        self.end = end

    def on(self, moment: Moment) -> bool:
        return self.begin <= moment.progress < self.end and self.term.on(moment)

    def due(self, moment: Moment) -> bool:
        return self.on(moment) and self.term.due(moment)

    def prepare(self, moment: Moment) -> dict[str, float]:
        return self.term.prepare(moment)

    def loss(self, step: Step) -> Loss:
        return self.term.loss(step)

    def assigned(self) -> Tensor | None:
        return self.term.assigned()

    def state_dict(self) -> dict[str, Tensor]:
        return self.term.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.term.load_state_dict(state)
