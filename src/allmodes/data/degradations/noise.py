"""With Gaussian noise, for denoising."""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.seeding import stream
from .base import Degradation


class Noisy(Degradation):
    """Independent noise on every value, always the same on the same image.

    Args:
        sigma: standard deviation, of pixels from 0 to 255, as the literature of denoising counts it.

    Raises:
        UserError: sigma is not above 0, or infinite.
    """

    name = "noise"
    exact = False

    def __init__(self, *, sigma: float = 50.0) -> None:
        if not 0 < sigma < inf:
            raise UserError(f"'degradation.sigma' is {sigma}, but must be above 0 and finite.")
        self.sigma = sigma

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise UserError(f"The degradation 'noise' is for images, not for examples of shape {shape}.")
        return shape

    def degrade(self, images: Tensor, index: Tensor) -> Tensor:
        streams = [stream(0, "noise", int(number)) for number in index]
        noise = torch.stack([torch.randn(images.shape[1:], generator=each) for each in streams])
        return images + noise.to(images) * (self.sigma / 127.5)
