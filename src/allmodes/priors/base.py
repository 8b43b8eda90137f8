"""Where latents come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core.records import Latents


class Prior(nn.Module, ABC):
    """A law of latents. A learned prior has parameters and can be a player.

    Args:
        dim: dimensions of the latent.
    """

    name: ClassVar[str]
    dim: int

    @abstractmethod
    def sample(self, n: int, rng: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Draw ``n`` latents ``(n, dim)`` on the CPU from ``rng``, of the given classes if the prior has any."""

    def between(self, a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
        """Latents at a share of the way from ``a`` to ``b``, ``(n, dim)`` each: on the straight line by default.

        Args:
            a: where the way begins.
            b: where it ends.
            share: of the way, of all or of each, ``(n, 1)``.
        """
        return torch.lerp(a, b, torch.as_tensor(share).to(a))
