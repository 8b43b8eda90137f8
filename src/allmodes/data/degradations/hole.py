"""With a square cut out, for inpainting. A further channel says where: 1 in the hole, -1 around it."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.seeding import stream
from .base import Degradation


class Hole(Degradation):
    """A square that is mid-grey, somewhere in each image, always at the same place in the same image.

    Args:
        share: side of the square, of the image's side.

    Raises:
        UserError: the share is not between 0 and 1.
    """

    name = "hole"

    def __init__(self, *, share: float = 0.5) -> None:
        if not 0 < share < 1:
            raise UserError(f"'degradation.share' is {share}, but must be between 0 and 1.")
        self.share = share

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise UserError(f"The degradation 'hole' is for images, not for examples of shape {shape}.")
        return (shape[0] + 1, *shape[1:])

    def degrade(self, images: Tensor, index: Tensor) -> Tensor:
        height, width = images.shape[2:]
        tall, wide = max(1, round(self.share * height)), max(1, round(self.share * width))
        draws = torch.stack([torch.rand(2, generator=stream(0, "hole", int(number))) for number in index])
        top = (draws[:, 0] * (height - tall + 1)).long()[:, None]
        left = (draws[:, 1] * (width - wide + 1)).long()[:, None]
        rows, columns = torch.arange(height)[None], torch.arange(width)[None]
        down, across = (rows >= top) & (rows < top + tall), (columns >= left) & (columns < left + wide)
        mask = (down[:, None, :, None] & across[:, None, None, :]).to(images)
        return torch.cat([images * (1 - mask), 2 * mask - 1], dim=1)
