"""What matching is: for each data example, the candidate latent whose sample comes nearest.

All methods of the IMLE family differ in this one decision: which latent serves which example, and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ..core.records import Assignment
from ..core.workers import Workers


class Matcher(ABC):
    """Decides which latent serves which example.

    Attributes:
        refresh: steps between two rounds of matching.
        within: ``"whole"`` matches whole examples; ``"part"`` matches each example in one of the parts that the
            distance names, see :func:`part_of`.
        project: dimensions that embeddings are sketched in before the search, None for all of them.
    """

    name: ClassVar[str]
    refresh: int
    within: Literal["whole", "part"] = "whole"
    project: int | None = None

    @abstractmethod
    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
        parts: int = 1,
    ) -> Assignment:
        """Match every example to a latent.

        Args:
            examples: embedded data examples, ``(n, D)``; the i-th is matched in its part ``i % parts``.
            draw: ``draw(block, size)`` gives the candidate latents ``(size, d)`` of a block; the same latents
                for the same block in every process.
            embed: the embedding of the samples of latents, ``(size, d) -> (size, D)``.
            workers: the processes that share the candidates.
            parts: number of equal parts of an embedding.
        """


def part_of(embedded: Tensor, parts: int, which: Tensor) -> Tensor:
    """One of the equal parts of every row, ``(n, D) -> (n, D / parts)``.

    An embedding that is several independent things side by side (the channels of stacked images) needs a pool that
    grows exponentially with their number before any candidate is near in all of them at once. Near in one of them,
    a small pool has many: matching one part at a time descends the likelihood of each part by itself.

    Args:
        embedded: ``(n, D)``.
        parts: number of parts, a divisor of D.
        which: part of each row, int64 ``(n,)``.
    """
    rows = torch.arange(len(embedded), device=embedded.device)
    return embedded.view(len(embedded), parts, -1)[rows, which.to(embedded.device)]
