r"""A discriminator of pairs, patch by patch (PatchGAN: Isola, Zhu, Zhou & Efros 2017, section 3.2.2).

.. math:: D(x, y)_p = s\big(f([x, \uparrow y])_p\big)

for every place p of the last map: whether the patch of x that it sees is real, beside what the input y shows there. An
answer that is sharp and does not belong to its input is found out, which a discriminator of images alone cannot do.

With three layers a patch has 38 pixels a side; the authors' has 70, for images of 256. Their batch norm (of one image
at a time, in their trainings) is left out: a score depends on its own pair alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..base import Discriminator, require_sizes
from ..generators.cascade import as_maps, resized
from ..norm import Normalisation, normalise_weights
from .convolutional import strided_trunk

MOST = 8  # times the width, of any layer: 64-128-256-512, as published


class Patch(Discriminator):
    """Strided convolutions that halve the side and double the channels, one more, and a score at every place.

    Args:
        shape: ``(C, H, W)``.
        inputs: shape of the inputs, images ``(D, h, w)`` or label maps ``(h, w)``, which are brought to the size of
            images and stacked with them; None for images alone.
        labels: how many labels a label map has.
        width: channels of the first convolution.
        layers: number of strided convolutions.
        slope: of the LeakyReLU.
        normalisation: of all weights: ``none`` or ``spectral`` (Miyato, Kataoka, Koyama & Yoshida 2018).

    Raises:
        UserError: the examples are no images, or inputs are label maps and there are no labels.
    """

    name = "patch"

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        inputs: tuple[int, ...] | None = None,
        labels: int = 0,
        width: int = 64,
        layers: int = 3,
        slope: float = 0.2,
        normalisation: Normalisation = "none",
    ) -> None:
        super().__init__()
        require_sizes(width=width, layers=layers)
        self.conditioned = None if inputs is None else "inputs"
        self.labels = labels
        shown = 0 if inputs is None else inputs[0] if len(inputs) == 3 else labels
        if inputs is not None and shown < 1:
            raise UserError(f"The discriminator '{self.name}' sees label maps: say how many labels there are.")
        seen = (shape[0] + shown, *shape[1:])
        widths = [width * min(2**k, MOST) for k in range(layers)]
        self.trunk = strided_trunk(seen, self.name, widths, slope)[:-1]
        last = width * min(2**layers, MOST)
        self.last = nn.Sequential(nn.Conv2d(widths[-1], last, 3, padding=1), nn.LeakyReLU(slope))
        with torch.no_grad():
            size = self.trunk(torch.zeros(1, *seen)).shape[2:]
        self.score = nn.Sequential(nn.Unflatten(1, (last, *size)), nn.Conv2d(last, 1, 1), nn.Flatten())
        normalise_weights(self, normalisation)

    def features(self, images: Tensor) -> Tensor:
        seen: Tensor = self.last(self.trunk(images))
        return seen.flatten(1)

    def paired(self, images: Tensor, condition: Tensor) -> Tensor:
        """``(n, C + D, H, W)``: images, and inputs at their size."""
        maps = as_maps(condition, self.labels).to(images.dtype)
        return torch.cat([images, resized(maps, list(images.shape[2:]))], 1)
