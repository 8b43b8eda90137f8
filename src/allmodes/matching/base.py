"""What matching is: for each data example, the candidate latent whose sample comes nearest.

All methods of the IMLE family differ in this one decision: which latent serves which example, and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Assignment
from ..core.workers import Workers


class Matcher(ABC):
    """Decides which latent serves which example.

    Attributes:
        refresh: steps between two rounds of matching.
        parts: number of equal parts of the embedding, of which each example is matched in one (see
            :func:`part_of`); 1 matches whole examples.
    """

    name: ClassVar[str]
    refresh: int
    parts: int = 1

    @abstractmethod
    def match(
        self,
        examples: Tensor,
        draw: Callable[[int, int], Tensor],
        *,
        embed: Callable[[Tensor], Tensor],
        workers: Workers,
    ) -> Assignment:
        """Match every example to a latent.

        Args:
            examples: embedded data examples, ``(n, D)``; the i-th is matched in its part ``i % parts``.
            draw: ``draw(block, size)`` gives the candidate latents ``(size, d)`` of a block; the same latents
                for the same block in every process.
            embed: the embedding of the samples of latents, ``(size, d) -> (size, D)``.
            workers: the processes that share the candidates.
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

    Raises:
        UserError: the parts are not equal.
    """
    if embedded.shape[1] % parts:
        raise UserError(f"'matching.parts' is {parts}, which does not divide the {embedded.shape[1]} features.")
    rows = torch.arange(len(embedded), device=embedded.device)
    return embedded.view(len(embedded), parts, -1)[rows, which.to(embedded.device)]
