"""Without colour, for colourisation: luma of ITU-R BT.601, as grey pictures are made."""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.errors import UserError
from .base import Degradation

LUMA = torch.tensor([0.299, 0.587, 0.114])  # of red, green and blue


class Grey(Degradation):
    """One channel of three."""

    name = "grey"

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3 or shape[0] != 3:
            raise UserError(f"The degradation 'grey' takes the colour of images, and those of shape {shape} have none.")
        return (1, *shape[1:])

    def degrade(self, images: Tensor, index: Tensor) -> Tensor:
        return (images * LUMA.to(images.device)[:, None, None]).sum(1, keepdim=True)
