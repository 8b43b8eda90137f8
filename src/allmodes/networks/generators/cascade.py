r"""A generator from images to images: coarse to fine, with the input and a code of its own at every resolution.

.. math:: h_l = R_l\big(C_l[\,\uparrow h_{l-1},\, x_l\,],\, w_l(z_l)\big), \qquad
          c_l = \,\uparrow c_{l-1} + T_l(h_l), \qquad y_l = x_l + c_l

x_l is the input at the size of level l, z_l that level's part of the latent, R_l groups of residual dense blocks that
its style scales. The same form serves super-resolution, where the first level has the size of the input (Li, Peng &
Malik 2018), colours and holes, where it is the input made smaller, and label maps (cascaded refinement: Chen & Koltun
2017; Li, Zhang & Malik 2019). Every level can draw the image at its own size, so codes can be chosen one level after
the other (CHIMLE: Peng et al. 2022).

Where images are larger than inputs, the last level may end in steps of back-projection (Irani & Peleg 1991),

.. math:: y \leftarrow y + \uparrow (x - \downarrow y),

which bring the image, made smaller again, nearer to the input: an answer that is no answer to its question cannot be.
"""

from __future__ import annotations

from math import ceil, log2
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import Generator, require_sizes
from ..residual_dense import SLOPE, ResidualGroup
from .style import mapping_layers

ENDS, INSIDE = 3, 3 * 5  # pixels of a level from which one is made: resizing, entering, leaving; a group's convolutions
BACK = 2 * 2  # pixels of the input from which a step of back-projection makes one: bicubic there and back


Grown = tuple[Tensor, Tensor]  # maps (n, width, h, w), and what is added to the input, (n, C, h, w)


class Cascade(Generator):
    """Levels of doubling size, from the input's (at most ``coarsest``) to the image's, wide where maps are small.

    Args:
        shape: ``(C, H, W)``.
        latent: dimensions of the latent; levels have equal parts of it, or the coarser ones one more.
        inputs: shape of the inputs: images ``(D, h, w)``, where H / h is a power of 2, or label maps ``(H, W)``.
        labels: how many labels a label map has.
        width: channels of the last level; each level before has twice as many, up to ``widest``.
        widest: at most so many.
        groups: residual groups at each level.
        coarsest: largest side of the first level, where inputs are as large as images.
        style: dimensions of a level's style.
        consistent: steps of back-projection where images are larger than inputs and have as many channels: inputs then
            must be images made smaller (bicubic, antialiased).

    Raises:
        UserError: sizes do not fit, there are fewer than 0 steps, or the latent has fewer dimensions than levels.
    """

    name = "cascade"
    conditioned = "inputs"

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        *,
        inputs: tuple[int, ...],
        labels: int = 0,
        width: int = 16,
        widest: int = 64,
        groups: int = 1,
        coarsest: int = 8,
        style: int = 64,
        consistent: int = 0,
    ) -> None:
        super().__init__()
        require_sizes(width=width, widest=widest, groups=groups, coarsest=coarsest, style=style)
        self.shape, self.inputs, self.labels = shape, inputs, labels
        if consistent < 0:
            raise UserError(f"'generator.consistent' is {consistent}, but must be 0 or more.")
        self.factor = factor_of(shape, inputs)
        self.consistent = consistent if self.factor > 1 and inputs[:-2] == shape[:1] else 0
        self.scales = _scales(shape, inputs[-1] if self.factor > 1 else None, coarsest)
        levels, channels = len(self.scales), labels if len(inputs) == 2 else inputs[0]
        if latent < levels:
            raise UserError(
                f"'prior.dim' is {latent}, but each of {levels} levels takes a part of it: set it to {levels} or more."
            )
        self.codes = [(latent + levels - 1 - level) // levels for level in range(levels)]
        self.mappings = nn.ModuleList(nn.Sequential(*mapping_layers(codes, style, 2)) for codes in self.codes)
        widths = [min(widest, width << level) for level in reversed(range(len(self.scales)))]
        self.enter = nn.ModuleList(
            nn.Conv2d(channels + before, own, 3, padding=1) for before, own in zip([0, *widths], widths, strict=False)
        )
        self.groups = nn.ModuleList(
            nn.ModuleList(ResidualGroup(own, -(-own // 2), style) for _ in range(groups)) for own in widths
        )
        self.to_image = nn.ModuleList(nn.Conv2d(own, shape[0], 3, padding=1) for own in widths)
        self.divisor = self.scales[0] if self.factor == 1 else 1
        convolved = ceil(sum((ENDS + INSIDE * groups) * scale / self.factor for scale in self.scales))
        self.reach = convolved + BACK * self.consistent

    def require_input(self, shape: tuple[int, ...]) -> None:
        """Any size that its levels divide: it is made of convolutions alone."""
        kind, known = shape[:-2], self.inputs[:-2]
        if len(shape) != len(self.inputs) or kind != known or any(side % self.divisor for side in shape[-2:]):
            taken = " x ".join([*map(str, known), "height", "width"])
            raise UserError(
                f"The generator '{self.name}' takes inputs of {taken}, both multiples of {self.divisor}, not of "
                f"{' x '.join(map(str, shape))}: bring the input to that."
            )

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        assert condition is not None
        return self.drawn(z, condition)[-1]

    def drawn(self, z: Tensor, condition: Tensor) -> list[Tensor]:
        """What every level draws, ``(n, C, H / s, W / s)``, s the level's scale: the coarsest first, the image last."""
        grown, images = None, []
        for level, code in enumerate(torch.split(z, self.codes, dim=1)):
            grown = self.grown(grown, code, condition, level)
            images.append(self.image(grown, condition, level))
        return images

    def grown(self, before: Grown | None, code: Tensor, condition: Tensor, level: int) -> Grown:
        """A level's maps and corrections, from those of the level before (None at the first) and its own code."""
        size = self._size(condition, level)
        here = resized(as_maps(condition, self.labels), size)
        x = here if before is None else torch.cat([F.interpolate(before[0], size), here], 1)
        x = F.leaky_relu(self.enter[level](x), SLOPE)
        style = self.mappings[level](code)
        for group in cast(nn.ModuleList, self.groups[level]):
            x = group(x, style)
        correction: Tensor = self.to_image[level](x)
        return x, correction if before is None else correction + resized(before[1], size)

    def image(self, grown: Grown, condition: Tensor, level: int) -> Tensor:
        """What a level draws: its corrections to the input, or, where that is labels, to nothing."""
        if condition.ndim == 3:
            return grown[1]
        inputs = as_channels(condition, self.shape[0])
        images = grown[1] + resized(inputs, self._size(condition, level))
        return back_projected(images, inputs, self.consistent) if level == len(self.scales) - 1 else images

    def _size(self, condition: Tensor, level: int) -> list[int]:
        return [side * self.factor // self.scales[level] for side in condition.shape[-2:]]


def _scales(shape: tuple[int, ...], first: int | None, coarsest: int) -> list[int]:
    """How many times smaller than the image each level is; the first has this side, or the largest that is allowed."""
    if first is None:
        first = shape[-1]
        while first > coarsest and first % 2 == 0 and shape[1] * first // shape[2] % 2 == 0:
            first //= 2
    return [2**k for k in reversed(range(round(log2(shape[-1] / first)) + 1))]


def back_projected(images: Tensor, inputs: Tensor, steps: int) -> Tensor:
    """Images ``(n, C, H, W)`` which, made smaller, are nearer to inputs ``(n, C, h, w)`` after each step."""
    for _ in range(steps):
        small = F.interpolate(images, inputs.shape[2:], mode="bicubic", antialias=True)
        images = images + F.interpolate(inputs - small, images.shape[2:], mode="bicubic")
    return images


def as_maps(inputs: Tensor, labels: int) -> Tensor:
    """Inputs as maps ``(n, D, h, w)``: of label maps ``(n, h, w)`` one for each label, 1 where it is."""
    if inputs.ndim == 4:
        return inputs.contiguous(memory_format=torch.channels_last)  # a third faster on processors
    return F.one_hot(inputs, labels).movedim(-1, 1).float()


def as_channels(images: Tensor, count: int) -> Tensor:
    """The first so many channels of ``(n, D, h, w)``; where there are fewer, the first of them as often."""
    return images[:, :count] if images.shape[1] >= count else images[:, :1].expand(-1, count, -1, -1)


def resized(images: Tensor, size: list[int]) -> Tensor:
    """Images ``(n, C, h, w)`` at a size; made smaller with antialiasing."""
    if list(images.shape[2:]) == size:
        return images
    return F.interpolate(images, size, mode="bilinear", antialias=images.shape[2] > size[0])


def factor_of(shape: tuple[int, ...], inputs: tuple[int, ...]) -> int:
    """How many times larger images are than inputs.

    Raises:
        UserError: by no power of 2.
    """
    factor = shape[-1] // inputs[-1] if len(shape) == 3 else 0
    sides = tuple(factor * side for side in inputs[-2:])
    if factor < 1 or factor & (factor - 1) or sides != shape[1:]:
        raise UserError(
            f"The generator 'cascade' makes images of 1, 2, 4, ... times the size of inputs, not of shape {shape} from "
            f"{inputs}."
        )
    return factor
