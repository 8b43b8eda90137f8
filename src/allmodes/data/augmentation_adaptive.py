r"""The augmentation whose strength is a probability p: each of ten transformations is made of an image, or not.

In this order, each with probability p and independently of the others: mirrored, turned by a multiple of 90 degrees
and moved by whole pixels, which copy pixels; scaled, rotated, stretched, rotated again and moved by any distance,
which together make one linear map; brightness, contrast, luma flipped, hue rotated and saturation, which make one
linear map of colours. Either rotation has probability :math:`1 - \sqrt{1 - p}`, so that one of them is made with p
(Karras, Aittala, Hellsten, Laine, Lehtinen & Aila 2020, appendix B, figure 17: of its parts these are the three that
its experiments take). As long as p is below 1, samples that look augmented are told from the data, so nothing of the
augmentation is learnt as part of these.

Images go on beyond their edges as in mirrors. They are mapped at twice the size through an orthogonal wavelet's filter,
so that an image that is not mapped comes out as it was.
"""

from __future__ import annotations

from functools import partial
from math import pi, sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from .augmentation import Policy

# the scaling filter of sym6, the least asymmetric orthogonal wavelet of 6 vanishing moments (Daubechies 1992)
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
DRAWS = 28
CENTRE = sum(k * tap for k, tap in enumerate(SYM6)) / sum(SYM6)  # of the filter, in taps
MARGIN = 6  # pixels beyond the edge that the filter sees
SPREAD = 0.125  # of movements, in sides
HALF_STEP = 2.0**-25  # uniform numbers are multiples of 2^-24: half a step from 0 the normal ones are finite


def adaptive_policy(p: float) -> Policy:
    """The augmentation of probability p, as a policy."""
    return Policy(partial(adaptive, p=p), DRAWS)


def adaptive(images: Tensor, draws: Tensor, *, p: float) -> Tensor:
    """Images after the transformations whose turn it is.

    Args:
        images: ``(n, C, H, H)``, in [-1, 1]; of one or three channels.
        draws: uniform in [0, 1), ``(n, 28)``.
        p: probability of each.

    Raises:
        UserError: images are not square, or have other channels.
    """
    channels, height, width = images.shape[1:]
    if height != width or channels not in (1, 3):
        raise UserError(
            "'objective.target' asks for augmentation, which is for square images of 1 or 3 channels, not of shape "
            f"{tuple(images.shape[1:])}: set it to null."
        )
    blits, maps, colours = torch.split(draws, [7, 11, 10], dim=1)
    with torch.autocast(images.device.type, enabled=False):  # places are finer than half precision
        return recoloured(mapped(blitted(images.float(), blits, p), geometry(maps, p)), colours, p)


def blitted(images: Tensor, draws: Tensor, p: float) -> Tensor:
    """Mirrored with p / 2, turned by 0 to 3 quarters, moved by up to an eighth of the side.

    Args:
        images: ``(n, C, H, H)``.
        draws: ``(n, 7)``.
        p: probability of each.
    """
    side = images.shape[2]
    mirror = (draws[:, 0] < p) & (draws[:, 1] < 0.5)
    turns = torch.where(draws[:, 2] < p, (draws[:, 3] * 4).long().clamp(max=3), 0)
    moves = torch.where(draws[:, 4:5] < p, ((draws[:, 5:7] * 2 - 1) * (SPREAD * side)).round().long(), 0)
    # where each pixel comes from, going back through the transformations
    place = torch.arange(side, device=images.device)
    row = reflected(place - moves[:, :1], side)[:, :, None].expand(-1, -1, side)
    column = reflected(place - moves[:, 1:], side)[:, None, :].expand(-1, side, -1)
    for quarters in (1, 2):  # all who turn by an odd number turn once, all who turn by 2 or 3 turn twice
        turning = (turns // quarters % 2 == 1)[:, None, None]
        for _ in range(quarters):
            row, column = torch.where(turning, column, row), torch.where(turning, side - 1 - row, column)
    column = torch.where(mirror[:, None, None], side - 1 - column, column)
    return taken(images, row, column)


def geometry(draws: Tensor, p: float) -> Tensor:
    """Where each point of an image comes from, for scale, rotation, stretch, rotation and movement.

    Args:
        draws: ``(n, 11)``.
        p: probability of each, and of any rotation.

    Returns:
        Linear maps ``(n, 2, 3)`` of places (right, down) in units of the side, from the image's centre.
    """
    rotation = 1 - sqrt(1 - p)
    scale = torch.exp2(0.2 * normal(draws[:, 1], draws[:, 0] < p))
    first = pi * (2 * draws[:, 3] - 1) * (draws[:, 2] < rotation)
    stretch = torch.exp2(0.2 * normal(draws[:, 5], draws[:, 4] < p))
    second = pi * (2 * draws[:, 7] - 1) * (draws[:, 6] < rotation)
    moved = SPREAD * normal(draws[:, 9:11], draws[:, 8:9] < p)
    # each is inverted, and what is made first is gone back through last
    wide = torch.stack([1 / stretch, stretch], 1).diag_embed()
    back = turned(-first) @ wide @ turned(-second) / scale[:, None, None]
    return torch.cat([back, -back @ moved[:, :, None]], 2)


def mapped(images: Tensor, maps: Tensor) -> Tensor:
    """Images through the maps of :func:`geometry`; linear in images ``(n, C, H, H)``, so differentiable in them twice.

    Pixel i lies at ``2 i + CENTRE`` of an image of twice the size through the filter.
    """
    side = images.shape[2]
    taps = torch.tensor(SYM6, device=images.device) * sqrt(2)
    place = reflected(torch.arange(-MARGIN, side + MARGIN, device=images.device), side)
    wide = images[:, :, place[:, None], place].flatten(0, 1)[:, None]
    for kernel in (taps[:, None], taps[None, :]):
        stride = (2 if kernel.shape[0] > 1 else 1, 2 if kernel.shape[1] > 1 else 1)
        wide = F.conv_transpose2d(wide, kernel[None, None], stride=stride)
    wide = wide.view(*images.shape[:2], *wide.shape[2:])
    # where each pixel of the larger result comes from
    length = 2 * side + len(SYM6) - 2
    middle = (side - 1) / 2
    at = ((torch.arange(length, device=images.device) - CENTRE) / 2 - middle) / side
    grid = torch.stack(torch.meshgrid(at, at, indexing="xy")).flatten(1)
    places = (maps[:, :, :2] @ grid + maps[:, :, 2:]) * side + middle
    beyond = (places < -MARGIN / 2) | (places > side - 1 + MARGIN / 2)
    places = torch.where(beyond, reflected(places, side), places)
    column, row = (2 * (places + MARGIN) + CENTRE).view(-1, 2, length, length).unbind(1)
    found = between(wide, row, column).flatten(0, 1)[:, None]
    for kernel in (taps[:, None], taps[None, :]):
        stride = (2 if kernel.shape[0] > 1 else 1, 2 if kernel.shape[1] > 1 else 1)
        found = F.conv2d(found, kernel[None, None] / 2, stride=stride)
    return found.view(images.shape)


def recoloured(images: Tensor, draws: Tensor, p: float) -> Tensor:
    """Brightness, contrast, luma flipped with p / 2, hue rotated, saturation; grey images have the first three alone.

    Args:
        images: ``(n, C, H, W)``.
        draws: ``(n, 10)``.
        p: probability of each.
    """
    n, channels = images.shape[:2]
    brightness = 0.2 * normal(draws[:, 1], draws[:, 0] < p)
    contrast = torch.exp2(0.5 * normal(draws[:, 3], draws[:, 2] < p))
    flip = torch.where((draws[:, 4] < p) & (draws[:, 5] < 0.5), -1.0, 1.0)
    hue = pi * (2 * draws[:, 7] - 1) * (draws[:, 6] < p)
    saturation = torch.exp2(normal(draws[:, 9], draws[:, 8] < p))
    # luma is the mean of the channels; hue turns about the axis of greys, by Rodrigues' formula
    luma = torch.full((channels, channels), 1 / channels, device=images.device)
    rest = torch.eye(channels, device=images.device) - luma
    colour = hue.cos()[:, None, None] * rest
    if channels == 3:
        across = torch.tensor([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]], device=images.device) / sqrt(3)
        colour = colour + hue.sin()[:, None, None] * across
    matrix = contrast[:, None, None] * (flip[:, None, None] * luma + saturation[:, None, None] * colour)
    offset = contrast * flip * brightness
    return (matrix @ images.flatten(2)).view(images.shape) + offset.view(n, 1, 1, 1)


def normal(draws: Tensor, made: Tensor) -> Tensor:
    """Standard normal numbers from uniform ones in [0, 1), where they are made; 0 elsewhere."""
    return torch.where(made, torch.special.ndtri(draws.double() + HALF_STEP).float(), 0.0)


def turned(angle: Tensor) -> Tensor:
    """Matrices ``(n, 2, 2)`` that rotate by angles ``(n,)``."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)


def reflected(place: Tensor, side: int) -> Tensor:
    """Places along an axis, whole or not, back in 0 to ``side - 1`` by mirrors at the first and the last pixel."""
    period = max(2 * (side - 1), 1)
    inside = place.remainder(period)
    return torch.minimum(inside, period - inside) if side > 1 else torch.zeros_like(place)


def taken(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The pixels of images ``(n, C, H, W)`` in these rows and columns, ``(n, h, w)`` each: ``(n, C, h, w)``."""
    n, channels, _, width = images.shape
    index = (row * width + column).flatten(1)[:, None].expand(-1, channels, -1)
    return images.flatten(2).gather(2, index).view(n, channels, *row.shape[1:])


def between(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Images ``(n, C, H, W)`` at any rows and columns, ``(n, h, w)`` each, by linear interpolation along both."""
    above = row.floor().long().clamp(0, images.shape[2] - 2)
    left = column.floor().long().clamp(0, images.shape[3] - 2)
    down, right = (row - above)[:, None], (column - left)[:, None]
    upper = torch.lerp(taken(images, above, left), taken(images, above, left + 1), right)
    lower = torch.lerp(taken(images, above + 1, left), taken(images, above + 1, left + 1), right)
    return torch.lerp(upper, lower, down)
