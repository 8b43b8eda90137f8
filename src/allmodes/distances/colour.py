"""Images as networks that were trained on photographs want them."""

from __future__ import annotations

from torch import Tensor

from ..core.errors import UserError


def as_colour(images: Tensor, name: str) -> Tensor:
    """Grey images as colour, colour images as they are, ``(n, 1 or 3, H, W) -> (n, 3, H, W)``.

    Args:
        images: of one of these shapes.
        name: of who looks at them, for the message.

    Raises:
        UserError: the examples are neither.
    """
    if images.ndim != 4 or images.shape[1] not in {1, 3}:
        raise UserError(f"{name} looks at grey or colour images, not at examples of shape {tuple(images.shape[1:])}.")
    return images.expand(-1, 3, -1, -1)
