"""What matching is: for each data example, the candidate latent whose sample comes nearest.

All methods of the IMLE family differ in this one decision: which latent serves which example, and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..core.records import Assignment
from ..core.workers import Workers
from .candidates import Candidates, Sought

Within = Literal["whole", "pair", "part"]


class Matcher(ABC):
    """Decides which latent serves which example.

    Attributes:
        refresh: steps between two rounds of matching.
        within: ``"whole"`` matches whole examples; ``"part"`` matches each example in one of the parts that the
            distance names, ``"pair"`` in one of them and the next. An embedding that is several independent things
            side by side (the channels of stacked images) needs a pool that grows exponentially with their number
            before any candidate is near in all of them at once. Near in one of them, a small pool has many; but
            nothing then says how parts go together, and in pairs only how two of them do.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
        turns: of an example that comes several times in a round, how many are served by one candidate; None for all.
    """

    name: ClassVar[str]
    refresh: int
    within: Within = "whole"
    project: int | None = None
    turns: int | None = None

    @abstractmethod
    def match(
        self, examples: Sought, candidates: Candidates, *, workers: Workers, data: Sought | None = None
    ) -> Assignment:
        """Match every example to a latent.

        Args:
            examples: to be served.
            candidates: where latents come from; each serves examples of its own kind.
            workers: the processes that share the candidates.
            data: all examples that are served in this round, where only some of them are matched again.
        """

    def measure(self, data: Iterable[Tensor], *, again: bool) -> None:  # noqa: B027 - most need nothing of it
        """Learn what depends on the data as a whole, before a round.

        Args:
            data: embeddings of all examples of the data, ``(b, D)`` at a time, computed as they are asked for.
            again: whether the space has changed since the last round.
        """

    def state_dict(self) -> dict[str, Tensor]:
        """What was measured and a checkpoint must hold."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027
        """Take up what :meth:`state_dict` returned."""


def by_part(examples: Sought, candidates: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """For every part: the rows of the examples that are matched in it, and that part of the candidates.

    Args:
        examples: whose embeddings are ``(n, W)``.
        candidates: ``(m, parts W)``.

    Yields:
        int64 ``(k,)``, with k above 0, and ``(m, D / parts)``.
    """
    for number, columns in enumerate(torch.split(candidates, examples.embedded.shape[1], dim=1)):
        rows = torch.nonzero(examples.part == number).flatten()
        if len(rows) > 0:
            yield rows, columns


def by_kind(kinds: Tensor, examples: Tensor, candidates: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """For every kind: the rows of the examples, and of the candidates, that are of it.

    Args:
        kinds: that candidates are of, int64 ``(K,)``.
        examples: kind of each, int64 ``(n,)``.
        candidates: kind of each, int64 ``(m,)``.
    """
    for kind in kinds:
        yield torch.nonzero(examples == kind).flatten(), torch.nonzero(candidates == kind).flatten()
