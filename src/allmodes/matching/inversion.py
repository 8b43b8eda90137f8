r"""Inversion: the latent whose sample comes nearest to an image (Metz et al. 2017, section 3.3.3).

.. math:: z_i = \arg\min_z \, |G(z) - x_i|^2 + \lambda |z - z_i^0|^2

Matching takes the nearest of many candidates; inversion goes on from there, by Adam in the latent. The descent may end
in a hollow of its own. Without the tether to its start (lambda 0) the latent may leave the bulk of the prior; with it,
what does not matter to the image stays as it was drawn, and latents of many images keep the spread of the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..core.progress import working
from ..core.records import Latents
from ..core.workers import Alone
from ..networks.base import made
from .candidates import Candidates, Kinds, Sought
from .nearest import Nearest

BLOCK = 500  # images that are inverted at once
RATE = 0.1  # of Adam at first, over the size of the prior
FINAL = 0.05  # of the rate is left at the end


@dataclass(frozen=True)
class Inverted:
    """Latents that come nearest to given images.

    Args:
        latents: ``(n, d)``.
        distances: Euclidean, in pixels of [-1, 1], ``(n,)``.
        condition: what a conditional generator is given with them, ``(n, ...)``; None for one that takes none.
    """

    latents: Tensor
    distances: Tensor
    condition: Tensor | None = None


@torch.no_grad()
def nearest(
    pool: Latents,
    images: Tensor,
    *,
    generate: Callable[..., Tensor],
    device: torch.device,
    condition: Tensor | None = None,
) -> Latents:
    """For each image the latent of a pool whose sample is nearest, from which its descent begins.

    Args:
        pool: its samples are made, and held, a block at a time.
        images: ``(n, *shape)``.
        generate: as in :func:`invert`.
        device: where samples are made.
        condition: of each image, ``(n, ...)``, under which the whole pool is made for it; None for that of each latent.
    """
    kinds = Kinds.among(len(images), condition=condition)
    blocks = -(-len(pool) * (int(kinds.of.max()) + 1) // BLOCK)
    with working(f"Searching {len(pool):,} samples", blocks) as advance:

        def numbers(block: int, size: int, labels: Tensor | None) -> Tensor:
            return (block * BLOCK + torch.arange(size, device=images.device))[:, None] % len(pool)

        def samples(chosen: Latents) -> Tensor:
            advance(1)
            own = pool[chosen.z[:, 0].cpu()]
            own = own if chosen.condition is None else replace(own, condition=chosen.condition)
            return made(generate, own.to(device)).float().to(images.device).flatten(1)

        sought = Sought.of(images.flatten(1), kind=kinds.of.to(images.device))
        search = Nearest(pool=len(pool), block=BLOCK)
        found = search.match(sought, Candidates(numbers, samples, kinds), workers=Alone())
    starts = pool[found.latents[:, 0].cpu()]
    return starts if condition is None else replace(starts, condition=condition)


def size_of(drawn: Tensor) -> float:
    """The size of a prior: the mean standard deviation of its draws' coordinates, ``(n, d)``, n above 1."""
    return float(drawn.std(0).mean())


def invert(
    images: Tensor,
    starts: Tensor,
    *,
    generate: Callable[..., Tensor],
    device: torch.device,
    steps: int,
    rate: float,
    tether: float = 0.0,
    condition: Tensor | None = None,
) -> Inverted:
    """The best points on the ways of Adam from latents towards images of their own: without a tether, the nearest.

    Args:
        images: ``(n, *shape)``.
        starts: ``(n, d)``, where they are.
        generate: samples of latents, and of their conditions if they have such, with a gradient, on the device.
        device: where a block of images is inverted.
        steps: of Adam.
        rate: of Adam at first, such as ``RATE`` times the :func:`size_of` the prior; it falls linearly.
        tether: lambda, in squared pixels over squared latents.
        condition: what the samples are made under, ``(n, ...)``; None where nothing is.
    """
    parts = list(zip(images.split(BLOCK), Latents(starts, condition=condition).split(BLOCK), strict=True))  # type: ignore[no-untyped-call]
    with working(f"Descending to {len(images):,} images", (steps + 1) * len(parts)) as advance:
        found = [
            _descended(
                some.to(device),
                some_starts.to(device),
                generate=generate,
                steps=steps,
                rate=rate,
                tether=tether,
                advance=advance,
            )
            for some, some_starts in parts
        ]
    latents, distances = ([getattr(part, key).to(images.device) for part in found] for key in ("latents", "distances"))
    return Inverted(torch.cat(latents), torch.cat(distances), condition)


def _descended(
    images: Tensor,
    starts: Latents,
    *,
    generate: Callable[..., Tensor],
    steps: int,
    rate: float,
    tether: float,
    advance: Callable[[int], None],
) -> Inverted:
    start = starts.z
    z = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], rate)
    falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, FINAL, steps)
    found, distances = start.clone(), torch.full((len(start),), torch.inf, device=start.device)
    least = distances
    for _ in range(steps + 1):
        squared = (made(generate, replace(starts, z=z)) - images).square().flatten(1).sum(1)
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
