"""The generator of the Unrolled GAN's Stacked MNIST protocol (Metz et al. 2017, appendix C)."""

from __future__ import annotations

from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Generator
from ..norm import BatchNorm


class Unrolled(Generator):
    """Linear to 64 @ 4x4, three 3x3 transposed convolutions (32, 16, 8 channels), a 3x3 convolution, tanh.

    Args:
        shape: ``(C, 28, 28)``.
        latent: dimensions of the latent.

    Raises:
        UserError: the images are not 28 x 28.
    """

    name = "unrolled"

    def __init__(self, shape: tuple[int, ...], latent: int) -> None:
        super().__init__()
        if tuple(shape[1:]) != (28, 28):
            raise UserError(f"The generator 'unrolled' makes 28 x 28 images, not examples of shape {shape}.")
        layers: list[nn.Module] = [nn.Linear(latent, 64 * 16, bias=False), nn.Unflatten(1, (64, 4, 4))]
        for channels, out, extra in ((64, 32, 0), (32, 16, 1), (16, 8, 1)):
            up = nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=extra, bias=False)
            layers += [BatchNorm(channels), nn.ReLU(), up]
        layers += [BatchNorm(8), nn.ReLU(), nn.Conv2d(8, shape[0], 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        images: Tensor = self.layers(z)
        return images
