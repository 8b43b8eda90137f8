"""A degradation: the input that is made of an image, of which the image is one of many possible originals.

One low-resolution picture has many originals, and so have a grey one and one with a hole. The pair of the degraded
picture and the picture itself is what Conditional IMLE learns from (Li, Peng & Malik 2018).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from ..pixels import to_float, to_uint8


class Degradation(ABC):
    """Makes inputs of images. Its constructor is its configuration.

    Attributes:
        name: what recipes call it.
        exact: whether an original gives its input again, so that an answer can be held against it.
    """

    name: ClassVar[str]
    exact: ClassVar[bool] = True

    @abstractmethod
    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the inputs of images of a shape ``(C, H, W)``.

        Raises:
            UserError: images of that shape cannot be degraded so.
        """

    @abstractmethod
    def degrade(self, images: Tensor, index: Tensor) -> Tensor:
        """The inputs of images ``(n, C, H, W)`` in [-1, 1].

        Args:
            images: the originals.
            index: which example each is, int64 ``(n,)``: what is random depends on it alone.
        """

    def __call__(self, images: Tensor, index: Tensor) -> Tensor:
        """The inputs, with the 256 values that a picture file has, as a user will give them: ``(n, *input_shape)``."""
        return to_float(to_uint8(self.degrade(images, index)))
