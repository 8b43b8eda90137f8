r"""Differentiable augmentation: a discriminator that sees few images learns them by heart unless they keep changing.

Every image that the discriminator sees, real or sample, in either player's turn, passes through a random T first,

.. math:: L_D = E_x f(-D(T(x))) + E_z f(D(T(G(z)))), \qquad L_G = E_z f(-D(T(G(z))))

and since T is differentiable, the generator learns through it. What T does to the data is not learned as part of them,
because the samples undergo it too (Zhao, Liu, Lin, Zhu & Han 2020; the ranges are those of their code).

Every policy is a function of images and of uniform numbers, which are drawn for the whole batch at once: processes that
share a batch share its numbers as they share its images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Policy:
    """A kind of augmentation.

    Args:
        apply: images ``(n, C, H, W)`` and uniform numbers ``(n, draws)`` to images.
        draws: numbers that it takes for each image.
    """

    apply: Callable[[Tensor, Tensor], Tensor]
    draws: int


def colour(images: Tensor, draws: Tensor, *, strength: float = 1.0) -> Tensor:
    """Brightness moved by up to half, then saturation times 0 to 2, then contrast times 0.5 to 1.5.

    Args:
        images: ``(n, C, H, W)`` in [-1, 1]; the result may leave that range.
        draws: uniform in [0, 1), ``(n, 3)``.
        strength: of all three; at 0 nothing changes.
    """
    brightness, saturation, contrast = (strength * (draws - 0.5))[:, :, None, None, None].unbind(1)
    images = images + brightness
    grey: Tensor = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (1 + 2 * saturation)
    mean: Tensor = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (1 + contrast)


def translation(images: Tensor, draws: Tensor, *, ratio: float = 0.125) -> Tensor:
    """Moved by whole pixels, up to ``ratio`` of the side each way; what comes in at the edge is 0.

    Args:
        images: ``(n, C, H, W)``.
        draws: uniform in [0, 1), ``(n, 2)``, for down and right.
        ratio: of the side.
    """
    for axis in (2, 3):
        side = images.shape[axis]
        most = int(side * ratio + 0.5)
        source = _positions(images, axis) - (_whole(draws[:, axis - 2], 2 * most + 1) - most)
        inside = (source >= 0) & (source < side)
        images = images.gather(axis, source.clamp(0, side - 1).expand_as(images)) * inside
    return images


def cutout(images: Tensor, draws: Tensor, *, ratio: float = 0.5) -> Tensor:
    """A square of ``ratio`` of the side, centred anywhere in the image, becomes 0.

    Args:
        images: ``(n, C, H, W)``.
        draws: uniform in [0, 1), ``(n, 2)``, for row and column of the centre.
        ratio: of the side.
    """
    inside = torch.ones_like(images[:, :1], dtype=torch.bool)
    for axis in (2, 3):
        side = images.shape[axis]
        size = int(side * ratio + 0.5)
        start = _whole(draws[:, axis - 2], side + 1 - size % 2) - size // 2
        position = _positions(images, axis)
        inside = inside & (position >= start) & (position < start + size)
    return images * ~inside


def _whole(draws: Tensor, count: int) -> Tensor:
    """Uniform numbers ``(n,)`` as whole ones in 0..count-1, int64 ``(n, 1, 1, 1)``."""
    return (draws * count).long().clamp(max=count - 1)[:, None, None, None]


def _positions(images: Tensor, axis: int) -> Tensor:
    """0, 1, 2, ... along an axis of images, int64, of size 1 along the others."""
    shape = [1] * images.ndim
    shape[axis] = -1
    return torch.arange(images.shape[axis], device=images.device).view(shape)


POLICIES = {"colour": Policy(colour, 3), "translation": Policy(translation, 2), "cutout": Policy(cutout, 2)}


def find_policies(
    names: Sequence[str], known: Mapping[str, Policy] = POLICIES, option: str = "augmentation"
) -> tuple[Policy, ...]:
    """The policies of these names, in this order.

    Args:
        names: of policies.
        known: policies by name.
        option: of the objective that names them, for messages.

    Raises:
        UserError: there is none of that name.
    """
    for name in names:
        if name not in known:
            raise UserError(f"'objective.{option}': '{name}' is no policy.{did_you_mean(name, known)}")
    return tuple(known[name] for name in names)


def uniforms(n: int, policies: Sequence[Policy], rng: torch.Generator) -> Tensor:
    """The uniform numbers ``(n, draws)`` that these policies take for ``n`` images, on the CPU."""
    return torch.rand(n, sum(policy.draws for policy in policies), generator=rng)


def augment(images: Tensor, draws: Tensor, policies: Sequence[Policy]) -> Tensor:
    """Images ``(n, C, H, W)`` after every policy in turn.

    Args:
        images: ``(n, C, H, W)`` in [-1, 1].
        draws: from :func:`uniforms`, ``(n, draws)``, on the device of the images.
        policies: in their order.

    Raises:
        UserError: the examples are no images.
    """
    if images.ndim != 4:
        raise UserError(
            "'objective.augmentation' and 'objective.views' are for images, not for examples of shape "
            f"{tuple(images.shape[1:])}: take a recipe that has neither."
        )
    for policy, part in zip(policies, torch.split(draws, [policy.draws for policy in policies], dim=1), strict=True):
        images = policy.apply(images, part)
    return images
