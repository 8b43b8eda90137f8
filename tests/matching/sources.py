"""A source of candidates from two functions."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from allmodes.matching.candidates import Candidates, Kinds


def source(draw: Callable[[int, int], Tensor], embed: Callable[[Tensor], Tensor] = lambda z: z) -> Candidates:
    """One pool for all, of latents ``draw(block, size)``, whose samples are embedded by a function of them."""
    return Candidates(lambda block, size, labels: draw(block, size), lambda latents: embed(latents.z), Kinds.among(1))
