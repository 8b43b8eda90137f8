"""What can be seen of a picture at a glance: light, contrast, colours, sharpness, lines, the size of what it shows.

Each attribute is one number a picture, with a word for less and one for more, so that a difference can be said to a
person who has not seen the pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
OFF = 0.15  # of full scale: what differs so much from the border is not background
PLAIN = 0.08  # of full scale: a border that varies less is background
MOSTLY = 0.8  # of the pictures must have a plain border, that what is off it is called an object
FLAT = 1e-4  # variance below which a picture shows nothing
BLOCK = 64

Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Attribute:
    """A number of every picture.

    Args:
        name: what it measures.
        less: the word for pictures of which it is smaller than of others, before 'than'.
        more: the same where it is larger.
        of: from pictures in [0, 1] ``(n, C, H, W)`` and their light ``(n, H, W)``, ``(n,)``.
        colour: whether only pictures in colour have it.
    """

    name: str
    less: str
    more: str
    of: Measure
    colour: bool = False


def _spread(_: Tensor, light: Tensor) -> Tensor:
    return light.flatten(1).std(1, correction=0)


def _colourful(pictures: Tensor, _: Tensor) -> Tensor:
    return (pictures.amax(1) - pictures.amin(1)).mean((1, 2))


def _red(pictures: Tensor, _: Tensor) -> Tensor:
    mean = pictures.mean((2, 3))
    return mean[:, 0] - mean[:, 1]


def _yellow(pictures: Tensor, _: Tensor) -> Tensor:
    mean = pictures.mean((2, 3))
    return mean[:, :2].mean(1) - mean[:, 2]


def _sharp(_: Tensor, light: Tensor) -> Tensor:
    """How much neighbours differ, of how much all pixels do: alike where only the contrast changes."""
    across, down = light.diff(dim=2).square().mean((1, 2)), light.diff(dim=1).square().mean((1, 2))
    return (across + down + FLAT) / (light.flatten(1).var(1, correction=0) + FLAT)


def _slopes(light: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of products of the light's slopes, across and down: both across, both down, one and one ``(n,)``."""
    across = (light[:, 1:-1, 2:] - light[:, 1:-1, :-2]) / 2
    down = (light[:, 2:, 1:-1] - light[:, :-2, 1:-1]) / 2
    return across.square().mean((1, 2)), down.square().mean((1, 2)), (across * down).mean((1, 2))


def _upright(_: Tensor, light: Tensor) -> Tensor:
    across, down, _both = _slopes(light)
    return (across - down) / (across + down + FLAT)


def _leaning(_: Tensor, light: Tensor) -> Tensor:
    across, down, both = _slopes(light)
    return 2 * both / (across + down + FLAT)


def _size(pictures: Tensor, _: Tensor) -> Tensor:
    """The share of the picture that is off its background, the colour of its border."""
    background = _border(pictures).median(2).values[:, :, None, None]
    return ((pictures - background).abs().amax(1) > OFF).float().mean((1, 2))


def _border(pictures: Tensor) -> Tensor:
    """The outermost pixels, ``(n, C, P)``."""
    sides = (pictures[:, :, 0], pictures[:, :, -1], pictures[:, :, 1:-1, 0], pictures[:, :, 1:-1, -1])
    return torch.cat(sides, dim=2)


SIZE = Attribute("size of the object", "with a smaller object", "with a larger object", _size)
ATTRIBUTES = (
    Attribute("brightness", "darker", "brighter", lambda _, light: light.mean((1, 2))),
    Attribute("contrast", "lower in contrast", "higher in contrast", _spread),
    Attribute("saturation", "greyer", "more colourful", _colourful, colour=True),
    Attribute("red against green", "greener", "redder", _red, colour=True),
    Attribute("yellow against blue", "bluer", "yellower", _yellow, colour=True),
    Attribute("sharpness", "blurrier", "finer in detail", _sharp),
    Attribute("upright against level lines", "with more level lines", "with more upright lines", _upright),
    Attribute("lean of lines", "with lines leaning more to the left", "with lines leaning more to the right", _leaning),
    SIZE,
)


def measured(images: Tensor) -> dict[Attribute, NDArray[np.float64]]:
    """Every attribute that these pictures have, of each.

    Args:
        images: uint8 ``(n, C, H, W)``, of one or three channels.
    """
    if min(images.shape[2:]) < 3:
        images = F.interpolate(images.float(), (3, 3)).to(images.dtype)
    known = [each for each in ATTRIBUTES if images.shape[1] == 3 or not each.colour]
    values: dict[Attribute, list[Tensor]] = {each: [] for each in known}
    plain: list[Tensor] = []
    for block in torch.split(images, BLOCK):
        pictures = block.float() / 255
        light = torch.einsum("nchw,c->nhw", pictures, torch.tensor(LUMA)) if pictures.shape[1] == 3 else pictures[:, 0]
        for each, found in values.items():
            found.append(each.of(pictures, light))
        plain.append(_border(pictures).std(2).amax(1) < PLAIN)
    if torch.cat(plain).float().mean() < MOSTLY:
        del values[SIZE]
    return {each: torch.cat(found).double().numpy() for each, found in values.items()}
