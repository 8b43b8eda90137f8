r"""Inversion: the latent whose sample comes nearest to an image (Metz et al. 2017, section 3.3.3).

.. math:: z_i = \arg\min_z \, |G(z) - x_i|^2 + \lambda |z - z_i^0|^2

Matching takes the nearest of many candidates; inversion goes on from there, by Adam in the latent. The descent may end
in a hollow of its own. Without the tether to its start (lambda 0) the latent may leave the bulk of the prior; with it,
what does not matter to the image stays as it was drawn, and latents of many images keep the spread of the prior.
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
    tether: float = 0.0,
) -> Inverted:
    """The best points on the ways of Adam from latents towards images of their own: without a tether, the nearest.

    Args:
        images: ``(n, *shape)``.
        starts: ``(n, d)``, where they are.
        generate: samples of latents, with a gradient, on the device.
        device: where a block of images is inverted.
        steps: of Adam.
        rate: of Adam at first; it falls linearly.
        tether: lambda, in squared pixels over squared latents.
    """
    parts = list(zip(images.split(BLOCK), starts.split(BLOCK), strict=True))  # type: ignore[no-untyped-call]
    with working(f"Descending to {len(images):,} images", (steps + 1) * len(parts)) as advance:
        found = [
            _descended(
                some.to(device), z.to(device), generate=generate, steps=steps, rate=rate, tether=tether, advance=advance
            )
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
    tether: float,
    advance: Callable[[int], None],
) -> Inverted:
    z = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, FINAL, steps)
    found, distances = start.clone(), torch.full((len(start),), torch.inf, device=start.device)
    least = distances
    for _ in range(steps + 1):
        squared = (generate(z) - images).square().flatten(1).sum(1)
        energy = squared + tether * (z - start).square().sum(1)
        better = energy.detach() < least
        least = torch.where(better, energy.detach(), least)
        distances = torch.where(better, squared.detach().sqrt(), distances)
        found = torch.where(better[:, None], z.detach(), found)
        (z.grad,) = torch.autograd.grad(energy.sum(), z)
        optimizer.step()
        falling.step()
        advance(1)
    return Inverted(found, distances)
