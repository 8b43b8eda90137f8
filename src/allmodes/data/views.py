r"""Views of an image: changes that leave what it shows as it is, by which a network learns what that is.

Beside the policies of :mod:`.augmentation` there is ``affine``, which has no second derivative and so is nothing for a
discriminator whose gradient is penalised.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .augmentation import POLICIES, Policy

TURN = math.radians(15)
SCALE, SHEAR, SHIFT = 0.15, 0.15, 0.1


def affine(images: Tensor, draws: Tensor, *, strength: float = 1.0) -> Tensor:
    """Turned by up to 15 degrees, scaled along each axis by 0.85 to 1.15, sheared, and moved by up to a tenth of it.

    What comes in at the edge continues the edge.

    Args:
        images: ``(n, C, H, W)``.
        draws: uniform in [0, 1), ``(n, 6)``.
        strength: of all; at 0 nothing changes.
    """
    turn, wide, high, shear, down, right = ((2 * draws - 1) * strength).unbind(1)
    cos, sin = (turn * TURN).cos(), (turn * TURN).sin()
    wide, high = 1 + SCALE * wide, 1 + SCALE * high
    above = torch.stack([cos * wide, (SHEAR * shear - sin) * high, 2 * SHIFT * right], 1)
    below = torch.stack([sin * wide, cos * high, 2 * SHIFT * down], 1)
    grid = F.affine_grid(torch.stack([above, below], 1).to(images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


VIEWS = {**POLICIES, "affine": Policy(affine, 6)}
