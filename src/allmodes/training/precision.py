"""``precision: auto``: which precision trains a recipe faster, on the device that is here.

``allmodes bench training`` measured the rule (docs/RESULTS.md, Speed): where the processor has instructions for
bfloat16, networks of convolutions train 1.1 to 1.9 times as fast with them. Small fully connected ones gain or lose,
and toys in the plane are read to the hundredth: they stay in float32. On a GPU networks as small as these wait for
calls, not for arithmetic, and bfloat16 adds some. What was chosen is written into ``recipe.yaml``: the training goes
on in it, on whatever device.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import torch

from ..core.discovery import find
from ..core.processor import has_bfloat16
from ..networks.base import Generator
from .recipe import ROOMS, Recipe

HALF: Final = "bf16-mixed"
FULL: Final = "32-true"


def settled(recipe: Recipe, begun: Any = None) -> Recipe:
    """The recipe with a precision: its own if it names one, else that of the training to go on with, else by the rule.

    Args:
        recipe: what was asked for.
        begun: the precision of a training that is there to be gone on with.
    """
    if recipe.settings.precision != "auto":
        return recipe
    half = begun == HALF if begun in (HALF, FULL) else _faster(recipe)
    return replace(recipe, settings=replace(recipe.settings, precision=HALF if half else FULL))


def _faster(recipe: Recipe) -> bool:
    device = recipe.settings.device
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        return False
    generator = find(ROOMS["generator"][0], Generator, recipe.parts["generator"]["name"])
    return generator.convolutional and has_bfloat16()
