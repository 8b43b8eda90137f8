r"""Triangles: images on a manifold of three dimensions whose distance from any image can be computed.

The grey triangles of Lucic et al. 2018 ("Are GANs created equal?", section 5): the corners are on a circle, one in each
third of it, 10 degrees or more from where it begins (published: 20 between corners), all turned together by a small
angle; the triangle is moved so that the mean of its corners is in the middle, and drawn black on white. So precision
and recall can be true ones: the distance of a sample from the manifold, and that of a triangle from what a generator
makes.

.. math:: x(a, t) = \text{draw}(a_1 + t, a_2 + t, a_3 + t), \qquad d(y) = \min_{a, t} |x(a, t) - y|
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..core.files import digest
from ..core.seeding import stream
from ..search import Exact
from .fixed import FixedImages
from .pixels import to_float

SIDE = 28
RADIUS = 0.75 * SIDE / 2  # of the circle, in pixels
LINES = 8  # of a pixel's height, on which its share inside is measured
LEAST, MOST, TURN = 10.0, 120.0, 6.28  # degrees: each angle from the start of its third, and all of them together
THIRDS = torch.tensor([0.0, 120.0, 240.0])
TRAIN, TEST = 60_000, 10_000
BLOCK = 2_000
STARTS = 36  # angles in each direction of the lattice from which a projection starts
ROUNDS = 12
NUDGE = 0.5  # degrees


def draw(angles: Tensor) -> Tensor:
    """Draw triangles.

    Args:
        angles: of the corners in degrees, ``(n, 3)``.

    Returns:
        The share of each pixel outside, ``(n, 28, 28)``: exact along 8 lines of every pixel.
    """
    turned = torch.deg2rad(angles)
    corners = RADIUS * torch.stack([turned.cos(), turned.sin()], dim=2)
    corners = corners - corners.mean(1, keepdim=True) + SIDE / 2
    x, y = corners.unbind(2)
    x2, y2 = x.roll(-1, 1), y.roll(-1, 1)
    heights = (torch.arange(SIDE * LINES) + 0.5) / LINES
    crossed = (y[..., None] <= heights) != (y2[..., None] <= heights)  # (n, sides, lines)
    slope = (x2 - x) / torch.where(y2 == y, 1.0, y2 - y)
    across = x[..., None] + slope[..., None] * (heights - y[..., None])
    left = across.masked_fill(~crossed, SIDE).amin(1)
    right = across.masked_fill(~crossed, 0).amax(1)
    edges = torch.arange(SIDE)
    within = torch.minimum(right[..., None], edges + 1) - torch.maximum(left[..., None], edges)
    return 1 - within.clamp_(min=0).view(-1, SIDE, LINES, SIDE).mean(2)


def allowed(angles: Tensor) -> Tensor:
    """The nearest angles that a triangle of the data may have, ``(n, 3) -> (n, 3)``, in degrees."""
    within = angles - THIRDS
    turn = (within.amax(1, keepdim=True) - MOST + within.amin(1, keepdim=True) - LEAST) / 2
    turn = turn.clamp(0, TURN)
    return (within - turn).clamp(LEAST, MOST) + turn + THIRDS


def nearest_triangles(images: Tensor) -> Tensor:
    """Distance of images from the nearest of all triangles.

    From the nearest of a lattice of them, by damped Gauss-Newton steps in the three angles.

    Args:
        images: the share of each pixel that is white, ``(n, 28, 28)``.

    Returns:
        Euclidean distances, ``(n,)``; not below the true ones, and equal to them unless the descent ends in a hollow
        of its own.
    """
    parts = [_descended(part, _starts(part)) for part in images.float().split(BLOCK)]  # type: ignore[no-untyped-call]
    return torch.cat(parts)


def _descended(images: Tensor, angles: Tensor) -> Tensor:
    """Distances ``(n,)`` at the end of Levenberg and Marquardt's descent from angles ``(n, 3)``."""
    targets = images.flatten(1)
    gap = draw(angles).flatten(1) - targets
    damping = torch.ones(len(images), 1)
    for _ in range(ROUNDS):
        steps = NUDGE * torch.eye(3)
        slopes = torch.stack([(draw(angles + step).flatten(1) - targets - gap) / NUDGE for step in steps], 2)
        curvature = slopes.mT @ slopes
        bowl = curvature + torch.diag_embed(damping * curvature.diagonal(dim1=1, dim2=2) + 1e-6)
        moved = allowed(angles - torch.linalg.solve(bowl, slopes.mT @ gap[..., None])[..., 0])
        after = draw(moved).flatten(1) - targets
        better = after.norm(dim=1, keepdim=True) < gap.norm(dim=1, keepdim=True)
        angles, gap = torch.where(better, moved, angles), torch.where(better, after, gap)
        damping = torch.where(better, damping / 4, damping * 4)
    distances: Tensor = gap.norm(dim=1)
    return distances


def _starts(images: Tensor) -> Tensor:
    """Angles ``(n, 3)`` of the nearest of a lattice, at half the resolution."""
    lattice, drawn = _lattice()
    index = Exact(drawn.shape[1])
    index.add(drawn, borrow=True)
    return lattice[index.query(_halved(images)).ids[:, 0]]


@cache
def _lattice() -> tuple[Tensor, Tensor]:
    """Angles ``(m, 3)`` and what they look like at half the resolution, ``(m, 196)``."""
    line = torch.linspace(LEAST, MOST, STARTS) + TURN / 2
    lattice = torch.cartesian_prod(line, line, line) + THIRDS
    parts = lattice.split(BLOCK)  # type: ignore[no-untyped-call]
    return lattice, torch.cat([_halved(draw(part)) for part in parts])


def _halved(images: Tensor) -> Tensor:
    return avg_pool2d(images[:, None], 2).flatten(1)


class Triangles(FixedImages):
    """60,000 triangles, grey 28 x 28; 10,000 others are kept for testing."""

    name = "triangles"

    def __init__(self) -> None:
        self._images = _triangles()
        super().__init__(self._images[:TRAIN], None, digest(self._images.numpy().tobytes()))

    @property
    def test_images(self) -> Tensor:
        """Triangles that are not trained on, float in [-1, 1], ``(10000, 1, 28, 28)``."""
        return to_float(self._images[TRAIN:])


@cache
def _triangles() -> Tensor:
    """Training and test images, uint8 ``(70000, 1, 28, 28)``."""
    rng = stream(0, "triangles")
    within = LEAST + (MOST - LEAST) * torch.rand(TRAIN + TEST, 3, generator=rng)
    angles = within + TURN * torch.rand(TRAIN + TEST, 1, generator=rng) + THIRDS
    blocks = angles.split(BLOCK)  # type: ignore[no-untyped-call]
    return torch.cat([(255 * draw(block)).round().to(torch.uint8) for block in blocks])[:, None]
