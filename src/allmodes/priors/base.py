"""Where latents come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..core.records import Batch, Latents, Noise


class Prior(nn.Module, ABC):
    """A law of latents. A learned prior has parameters: it can be a player, and the model takes its average.

    A draw is in two steps. What is random of it comes from the CPU and from a generator alone, so that every process
    draws the same. What becomes of that is a function, of the parameters, too, and gradients flow through it.

    Args:
        dim: dimensions of the latent.

    Attributes:
        components: their number, where it is a mixture; otherwise None.
        classes: how many classes have components of their own; None where it knows none.
        centred: whether latents are the noise itself, which lies around 0.
    """

    name: ClassVar[str]
    centred: ClassVar[bool] = False
    dim: int
    components: int | None = None
    classes: int | None = None

    @abstractmethod
    def noise(self, n: int, rng: torch.Generator) -> Noise:
        """All that is random of a draw of ``n`` latents, on the CPU, from ``rng``."""

    @abstractmethod
    def forward(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """The latents ``(n, dim)`` of this noise where it is, of the given classes ``(n,)`` if the prior has any."""

    def labels(self, batch: Batch) -> Tensor | None:
        """The classes that latents for examples must be of, int64 ``(B,)``; None where the prior is free of them."""
        return None if self.classes is None else batch.labels

    @torch.no_grad()
    def sample(self, n: int, rng: torch.Generator, labels: Tensor | None = None) -> Latents:
        """Draw ``n`` latents ``(n, dim)`` on the CPU, without a gradient; otherwise as :meth:`forward`."""
        return self.drawn(self.noise(n, rng), labels)

    @torch.no_grad()
    def drawn(self, noise: Noise, labels: Tensor | None = None) -> Latents:
        """The latents of this noise on the CPU, without a gradient; otherwise as :meth:`forward`."""
        at = next(self.parameters(), noise.values).device
        made: Latents = self(noise.to(at), labels)
        return made.to("cpu")

    def weights(self) -> Tensor | None:
        """The probability of each component, ``(K,)``, as a figure; None where there are no components."""
        return None

    def log_chances(self, latents: Latents) -> Tensor | None:
        """The log-probability of the component that each latent was drawn of, ``(n,)``, differentiable.

        None where that is not learnt.
        """
        return None

    def penalty(self) -> Tensor | None:
        """What a prior that is trained descends beside the generator's loss, a scalar; None for nothing."""
        return None

    def require_sound(self) -> None:
        """Raise a UserError if what was learnt of the law is none any more."""

    def between(self, a: Tensor, b: Tensor, share: float | Tensor) -> Tensor:
        """Latents at a share of the way from ``a`` to ``b``, ``(n, dim)`` each: on the straight line by default.

        Args:
            a: where the way begins.
            b: where it ends.
            share: of the way, of all or of each, ``(n, 1)``.
        """
        return torch.lerp(a, b, torch.as_tensor(share).to(a))
