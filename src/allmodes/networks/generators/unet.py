r"""A flow of images: a U-Net that is told the time (Ho et al. 2020, appendix B, without attention).

.. math:: h_{l+1} = S h_l + C_2\,\rho\big((1 + s_t)\,N(C_1\,\rho(N h_l)) + b_t\big), \qquad \rho = \mathrm{SiLU}

with N a group norm, S the identity or a 1x1 convolution, and :math:`s_t, b_t` a scale and a shift of every channel,
learned from the time. On the way down the side is halved from level to level; on the way up each level also sees what
came down through it. The velocity is what comes out plus :math:`a_t x`: most of it is a multiple of the point itself,
of Gaussian data all of it, and noise need not be carried through the network pixel by pixel to be taken away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.errors import UserError
from ..base import require_sizes
from ..flow import Flow, waves
from ..solvers import Solver

MOST_GROUPS, GROUP = 8, 4  # of a group norm, and the fewest channels of a group
SMALLEST = 4  # side at which the levels end


class UNet(Flow):
    """Residual blocks at every level, w channels at the first and 2w at all others, down to a side of at most 4.

    Args:
        shape: ``(C, H, H)``.
        latent: dimensions of the latent: those of an image, C H H.
        width: w, channels at the first level.
        blocks: residual blocks of a level on the way down, and as many on the way up.
        patch: side of the patches of pixels that the first level sees as one: of 2, a call costs a quarter.
        steps: of the solver.
        solver: ``euler``, ``midpoint``, ``heun`` or ``rk4``, see :class:`Flow`.

    Raises:
        UserError: the images are not square, or are no whole number of patches.
    """

    name = "unet"

    def __init__(
        self,
        shape: tuple[int, ...],
        latent: int,
        *,
        width: int = 32,
        blocks: int = 1,
        patch: int = 1,
        steps: int = 10,
        solver: Solver = "midpoint",
    ) -> None:
        if len(shape) != 3 or shape[1] != shape[2]:
            raise UserError(f"The generator '{self.name}' makes square images, not examples of shape {shape}.")
        super().__init__(shape, latent, steps=steps, solver=solver)
        require_sizes(width=width, blocks=blocks, patch=patch)
        if shape[1] % patch:
            raise UserError(f"The generator's 'patch' is {patch}, but must divide the side of the images, {shape[1]}.")
        self.patch, self.waves = patch, 2 * width
        sides = [shape[1] // patch]
        while sides[-1] > SMALLEST:
            sides.append((sides[-1] + 1) // 2)
        told, pixels = 4 * width, shape[0] * patch**2
        self.time = nn.Sequential(nn.Linear(self.waves, told), nn.SiLU(), nn.Linear(told, told), nn.SiLU())
        self.enter = nn.Conv2d(pixels, width, 3, padding=1)
        self.levels = Level([width, *[2 * width] * (len(sides) - 1)], told, blocks)
        self.leave = nn.Sequential(norm(width), nn.SiLU(), nn.Conv2d(width, pixels, 3, padding=1))
        self.multiple = nn.Linear(told, 1)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        told = self.time(waves(t, self.waves))
        hidden = self.levels(self.enter(F.pixel_unshuffle(x, self.patch)), told)
        multiple: Tensor = self.multiple(told)[:, :, None, None]
        return F.pixel_shuffle(self.leave(hidden), self.patch) + multiple * x


class Level(nn.Module):
    """A level with all that are below it.

    Args:
        widths: channels of this one and of those below.
        told: entries of what is learned from the time.
        blocks: on either way.
    """

    def __init__(self, widths: Sequence[int], told: int, blocks: int) -> None:
        super().__init__()
        width, *below = widths
        self.down = nn.ModuleList(Block(width, width, told) for _ in range(blocks))
        self.up = nn.ModuleList(Block(2 * width, width, told) for _ in range(blocks))
        self.below = Level(below, told, blocks) if below else None
        if below:
            self.halve = nn.Conv2d(width, below[0], 3, stride=2, padding=1)
            self.enlarge = nn.Conv2d(below[0], width, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """``(n, width, h, h)`` and the time ``(n, told)`` to ``(n, width, h, h)``."""
        kept = []
        for block in self.down:
            x = block(x, told)
            kept.append(x)
        if self.below is not None:
            low = self.below(self.halve(x), told)
            x = self.enlarge(F.interpolate(low, x.shape[2:]))
        for block, came in zip(self.up, reversed(kept), strict=True):
            x = block(torch.cat([x, came], dim=1), told)
        return x


class Block(nn.Module):
    """A residual block, as in the module's formula.

    Args:
        channels: of the input.
        out: channels of the output.
        told: entries of what is learned from the time.
    """

    def __init__(self, channels: int, out: int, told: int) -> None:
        super().__init__()
        self.shortcut = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)
        self.first = nn.Sequential(norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.norm = norm(out)
        self.scale_and_shift = nn.Linear(told, 2 * out)
        self.second = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """``(n, channels, h, h)`` and the time ``(n, told)`` to ``(n, out, h, h)``."""
        scale, shift = self.scale_and_shift(told)[:, :, None, None].chunk(2, dim=1)
        hidden = self.norm(self.first(x)) * (1 + scale) + shift
        found: Tensor = self.shortcut(x) + self.second(F.silu(hidden))
        return found


def norm(channels: int) -> nn.GroupNorm:
    """At most eight groups of equal size, of four channels or more where there are so many."""
    most = max(1, min(MOST_GROUPS, channels // GROUP))
    return nn.GroupNorm(max(groups for groups in range(1, most + 1) if channels % groups == 0), channels)
