"""Smaller by a whole factor, for super-resolution: bicubic with antialiasing, as pictures are made smaller."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ...core.errors import UserError
from .base import Degradation


class Downsample(Degradation):
    """Bicubic, antialiased.

    Args:
        factor: of the side, 2 or more.

    Raises:
        UserError: the factor is below 2.
    """

    name = "downsample"

    def __init__(self, *, factor: int = 4) -> None:
        if factor < 2:
            raise UserError(f"'degradation.factor' is {factor}, but must be 2 or more.")
        self.factor = factor

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3 or shape[1] % self.factor or shape[2] % self.factor:
            raise UserError(
                f"'degradation.factor' is {self.factor}, which does not divide images of shape {shape}: choose another "
                "factor, or another --data.size."
            )
        return (shape[0], shape[1] // self.factor, shape[2] // self.factor)

    def degrade(self, images: Tensor, index: Tensor) -> Tensor:
        small = [side // self.factor for side in images.shape[2:]]
        return F.interpolate(images, small, mode="bicubic", antialias=True).clamp(-1, 1)
