"""Answers of any size with flat memory: a large input is answered in overlapping tiles, under one code.

A generator of convolutions makes each pixel of what lies within its reach. A tile is made with that much around it, and
only its middle is kept: the tiles together are what the whole would have been, without seams. They begin where levels
that see the input made smaller have pixels of their own. The middle is at least twice as wide as what is around it,
lest most of the work be thrown away.
"""

from __future__ import annotations

from math import lcm

import torch
from torch import Tensor

from ..core.progress import track
from ..model import Model

TILE = 128  # pixels of the input that are kept of a tile, at least
ALIGNED = 32  # tiles begin at multiples of it


def answer_large(model: Model, given: Tensor, z: Tensor, *, tile: int = TILE) -> Tensor:
    """The answer to an input under a code, as :meth:`Model.decode` gives it, in tiles if the input is larger than one.

    Args:
        model: of a conditional generator.
        given: the input, ``(D, h, w)`` or ``(h, w)``.
        z: ``(d,)``.
        tile: side of what is kept of a tile, in pixels of the input, at least.

    Returns:
        ``(C, H, W)``.
    """
    generator, (height, width) = model.generator, given.shape[-2:]
    if generator.reach is None or max(height, width) <= tile:
        return model.decode(z[None], given[None])[0]
    aligned = lcm(ALIGNED, generator.divisor)
    around = -(-generator.reach // aligned) * aligned
    step = max(-(-tile // aligned) * aligned, 2 * around)
    whole, factor = None, 1
    corners = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    for top, left in track(corners, len(corners), f"Answering {height} x {width} in tiles"):
        first = max(0, top - around), max(0, left - around)
        last = min(height, top + step + around), min(width, left + step + around)
        part = model.decode(z[None], given[None, ..., first[0] : last[0], first[1] : last[1]])[0]
        factor = part.shape[-1] // (last[1] - first[1])
        if whole is None:
            whole = torch.empty(len(part), height * factor, width * factor)
        down, right = min(step, height - top), min(step, width - left)
        y, x = (top - first[0]) * factor, (left - first[1]) * factor
        kept = part[:, y : y + down * factor, x : x + right * factor]
        whole[:, top * factor : (top + down) * factor, left * factor : (left + right) * factor] = kept
    assert whole is not None
    return whole
