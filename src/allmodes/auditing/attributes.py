"""What can be seen of a picture at a glance: light, contrast, colours, sharpness, lines, the size of what it shows.

Each attribute is one number a picture, with a word for less and one for more, so that a difference can be said to a
person who has not seen the pictures. Where most pictures show an object on a plain ground, light and colours are those
of the object: a small one is not called dark for the sake of its ground.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)
OFF = 0.15  # of full scale: what differs so much from the border is not ground
PLAIN = 0.08  # of full scale: a border that varies less is ground
MOSTLY = 0.8  # of the pictures must have a plain border, that what is off it is called an object
FLAT = 1e-4  # variance below which a picture shows nothing
BLOCK = 64


@dataclass(frozen=True)
class Glance:
    """A block of pictures.

    Args:
        pictures: in [0, 1], ``(n, C, H, W)``.
        light: of them, ``(n, H, W)``.
        shown: 1 at the pixels whose light and colours count, else 0, ``(n, H, W)``.
    """

    pictures: Tensor
    light: Tensor
    shown: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """Of values ``(n, ..., H, W)`` over the pixels that count, ``(n, ...)``."""
        weight = self.shown.reshape(len(values), *[1] * (values.ndim - 3), *values.shape[-2:])
        return (values * weight).sum((-2, -1)) / weight.sum((-2, -1))


@dataclass(frozen=True)
class Attribute:
    """A number of every picture.

    Args:
        name: what it measures.
        less: the word for pictures of which it is smaller than of others, before 'than'; None where that says nothing.
        more: the same where it is larger.
    """

    name: str
    less: str | None
    more: str


@dataclass(frozen=True)
class Rule:
    """How an attribute is measured at a glance.

    Args:
        attribute: which.
        of: its number of each of some pictures, ``(n,)``.
        colour: whether only pictures in colour have it.
    """

    attribute: Attribute
    of: Callable[[Glance], Tensor]
    colour: bool = False


def _bright(seen: Glance) -> Tensor:
    return seen.mean(seen.light)


def _contrast(seen: Glance) -> Tensor:
    return seen.mean((seen.light - seen.mean(seen.light)[:, None, None]).square()).sqrt()


def _colourful(seen: Glance) -> Tensor:
    return seen.mean(seen.pictures.amax(1) - seen.pictures.amin(1))


def _red(seen: Glance) -> Tensor:
    colour = seen.mean(seen.pictures)
    return colour[:, 0] - colour[:, 1]


def _yellow(seen: Glance) -> Tensor:
    colour = seen.mean(seen.pictures)
    return colour[:, :2].mean(1) - colour[:, 2]


def _sharp(seen: Glance) -> Tensor:
    """How much neighbours differ, of how much all pixels do: alike where only the contrast changes."""
    light = seen.light
    across, down = light.diff(dim=2).square().mean((1, 2)), light.diff(dim=1).square().mean((1, 2))
    return (across + down + FLAT) / (light.flatten(1).var(1, correction=0) + FLAT)


def _slopes(light: Tensor) -> tuple[Tensor, Tensor]:
    """The light's slopes at the inner pixels, across and down."""
    return (light[:, 1:-1, 2:] - light[:, 1:-1, :-2]) / 2, (light[:, 2:, 1:-1] - light[:, :-2, 1:-1]) / 2


def _upright(seen: Glance) -> Tensor:
    across, down = (slope.square().mean((1, 2)) for slope in _slopes(seen.light))
    return (across - down) / (across + down + FLAT)


def _leaning(seen: Glance) -> Tensor:
    across, down = _slopes(seen.light)
    return 2 * (across * down).mean((1, 2)) / ((across.square() + down.square()).mean((1, 2)) + FLAT)


def _ground(seen: Glance) -> Tensor:
    return _border(seen.light[:, None]).median(2).values[:, 0]


def _size(seen: Glance) -> Tensor:
    return _off(seen.pictures).mean((1, 2))


def _off(pictures: Tensor) -> Tensor:
    """1 where pictures ``(n, C, H, W)`` are off their ground, the colour of their border, else 0, ``(n, H, W)``."""
    ground = _border(pictures).median(2).values[:, :, None, None]
    return ((pictures - ground).abs().amax(1) > OFF).float()


def _border(pictures: Tensor) -> Tensor:
    """The outermost pixels, ``(n, C, P)``."""
    sides = (pictures[:, :, 0], pictures[:, :, -1], pictures[:, :, 1:-1, 0], pictures[:, :, 1:-1, -1])
    return torch.cat(sides, dim=2)


def _of_object(rule: Rule) -> Rule:
    """The same, where it is measured of an object."""
    attribute = rule.attribute
    name, less, more = (
        f"{attribute.name} of the object",
        f"with an object {attribute.less}",
        f"with an object {attribute.more}",
    )
    return replace(rule, attribute=Attribute(name, less, more))


COLOURS = (
    Rule(Attribute("brightness", "darker", "brighter"), _bright),
    Rule(Attribute("contrast", "lower in contrast", "higher in contrast"), _contrast),
    Rule(Attribute("saturation", "greyer", "more colourful"), _colourful, colour=True),
    Rule(Attribute("red against green", "greener", "redder"), _red, colour=True),
    Rule(Attribute("yellow against blue", "bluer", "yellower"), _yellow, colour=True),
)
OBJECT = (
    Rule(Attribute("size of the object", "with a smaller object", "with a larger object"), _size),
    Rule(Attribute("brightness of the ground", "on a darker ground", "on a brighter ground"), _ground),
    *map(_of_object, COLOURS),
)
LEVEL, UPRIGHT = "with more level lines", "with more upright lines"
LEFT, RIGHT = "with lines leaning more to the left", "with lines leaning more to the right"
SHAPES = (
    Rule(Attribute("sharpness", "blurrier", "finer in detail"), _sharp),
    Rule(Attribute("upright against level lines", LEVEL, UPRIGHT), _upright),
    Rule(Attribute("lean of lines", LEFT, RIGHT), _leaning),
)


def measured(images: Tensor) -> dict[Attribute, NDArray[np.float64]]:
    """Every attribute that these pictures have, of each.

    Args:
        images: uint8 ``(n, C, H, W)``, of one or three channels.
    """
    if min(images.shape[2:]) < 3:
        images = F.interpolate(images.float(), (3, 3)).to(images.dtype)
    plain = torch.cat([_border(block.float() / 255).std(2).amax(1) < PLAIN for block in torch.split(images, BLOCK)])
    objects = bool(plain.float().mean() >= MOSTLY)
    known = [each for each in (*(OBJECT if objects else COLOURS), *SHAPES) if images.shape[1] == 3 or not each.colour]
    values: list[list[Tensor]] = [[] for _ in known]
    for block in torch.split(images, BLOCK):
        seen = _seen(block.float() / 255, objects)
        for rule, found in zip(known, values, strict=True):
            found.append(rule.of(seen))
    return {rule.attribute: torch.cat(v).double().numpy() for rule, v in zip(known, values, strict=True)}


def _seen(pictures: Tensor, objects: bool) -> Glance:
    light = torch.einsum("nchw,c->nhw", pictures, torch.tensor(LUMA)) if pictures.shape[1] == 3 else pictures[:, 0]
    shown = _off(pictures) if objects else torch.ones_like(light)
    shown[shown.sum((1, 2)) == 0] = 1  # an empty picture is all ground
    return Glance(pictures, light, shown)
