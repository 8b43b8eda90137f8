"""What matching is: for each data example, the candidate latent whose sample comes nearest.

All methods of the IMLE family differ in this one decision: which latent serves which example, and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..core.records import Assignment
from ..core.workers import Workers

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
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
        part: Tensor | None = None,
        data: Tensor | None = None,
    ) -> Assignment:
        """Match every example to a latent.

        Args:
            examples: embedded data examples: whole ``(n, D)``, or what each is matched in, ``(n, D / parts)`` or twice
                that.
            draw: ``draw(block, size)`` gives the candidate latents ``(size, d)`` of a block; the same latents
                for the same block in every process.
            embed: the embedding of the samples of latents, ``(size, d) -> (size, D)``; pairs are laid out side by
                side, ``(size, 2 D)``.
            workers: the processes that share the candidates.
            part: the part of each example, int64 ``(n,)``; None where they are whole.
            data: all examples that are served in this round, ``(N, D)``, where only some of them are matched again.
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


def by_part(examples: Tensor, candidates: Tensor, part: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """For every part: the rows of the examples that are matched in it, and that part of the candidates.

    Args:
        examples: ``(n, W)``.
        candidates: ``(m, parts W)``.
        part: int64 ``(n,)``.

    Yields:
        int64 ``(k,)``, with k above 0, and ``(m, D / parts)``.
    """
    for number, columns in enumerate(torch.split(candidates, examples.shape[1], dim=1)):
        rows = torch.nonzero(part == number).flatten()
        if len(rows) > 0:
            yield rows, columns


def whole(examples: Tensor) -> Tensor:
    """The part of examples that are matched whole: the first, and there is no other."""
    return torch.zeros(len(examples), dtype=torch.int64, device=examples.device)
