"""What matching is: for each data example, the candidate latent whose sample comes nearest.

All methods of the IMLE family differ in this one decision: which latent serves which example, and for how long.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from ..core.records import Assignment
from ..core.workers import Workers


class Matcher(ABC):
    """Decides which latent serves which example.

    Attributes:
        refresh: steps between two rounds of matching.
    """

    name: ClassVar[str]
    refresh: int

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
            examples: embedded data examples, ``(n, D)``.
            draw: ``draw(block, size)`` gives the candidate latents ``(size, d)`` of a block; the same latents
                for the same block in every process.
            embed: the embedding of the samples of latents, ``(size, d) -> (size, D)``.
            workers: the processes that share the candidates.
        """
