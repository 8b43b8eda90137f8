r"""Inversion: the latent whose sample comes nearest to an image (Metz et al. 2017, section 3.3.3).

.. math:: z_i = \arg\min_z \, |G(z) - x_i|^2

Matching takes the nearest of many candidates; inversion goes on from there, by Adam in the latent. The descent may end
in a hollow of its own, and the latent may leave the bulk of the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.progress import working

BLOCK = 500  # images that are inverted at once
RATE = 0.1  # of Adam at first, for latents of about the size of 1
FINAL = 0.05  # of the rate is left at the end


@dataclass(frozen=True)
class Inverted:
    """Latents that come nearest to given images.

    Args:
        latents: ``(n, d)``.
        distances: Euclidean, in pixels of [-1, 1], ``(n,)``.
    """

    latents: Tensor
    distances: Tensor


def invert(
    images: Tensor,
    starts: Tensor,
    *,
    generate: Callable[[Tensor], Tensor],
    device: torch.device,
    steps: int,
    rate: float = RATE,
) -> Inverted:
    """The nearest points on the ways of Adam from latents towards images of their own; at the start, or nearer.

    Args:
        images: ``(n, *shape)``.
        starts: ``(n, d)``, where they are.
        generate: samples of latents, with a gradient, on the device.
        device: where a block of images is inverted.
        steps: of Adam.
        rate: of Adam at first; it falls linearly.
    """
    parts = list(zip(images.split(BLOCK), starts.split(BLOCK), strict=True))  # type: ignore[no-untyped-call]
    with working(f"Descending to {len(images):,} images", (steps + 1) * len(parts)) as advance:
        found = [
            _descended(some.to(device), z.to(device), generate=generate, steps=steps, rate=rate, advance=advance)
            for some, z in parts
        ]
    latents, distances = ([getattr(part, key).to(images.device) for part in found] for key in ("latents", "distances"))
    return Inverted(torch.cat(latents), torch.cat(distances))


def _descended(
    images: Tensor,
    start: Tensor,
    *,
    generate: Callable[[Tensor], Tensor],
    steps: int,
    rate: float,
    advance: Callable[[int], None],
) -> Inverted:
    z = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, FINAL, steps)
    nearest, best = start.clone(), torch.full((len(start),), torch.inf, device=start.device)
    for _ in range(steps + 1):
        squared = (generate(z) - images).square().flatten(1).sum(1)
        nearer = squared.detach() < best
        best = torch.where(nearer, squared.detach(), best)
        nearest = torch.where(nearer[:, None], z.detach(), nearest)
        (z.grad,) = torch.autograd.grad(squared.sum(), z)
        optimizer.step()
        falling.step()
        advance(1)
    return Inverted(nearest, best.sqrt())
