"""Which latents serve: samples at those that training assigned to the images, and at fresh ones.

Three sets of latents, of equal size, since a Frechet distance grows as samples get fewer:

* *assigned*: those that serve the training images at the end of the training;
* *fresh*: drawn from the prior;
* *shuffled*: the assigned ones with the rows of each coordinate shuffled by themselves. They have every coordinate's
  law, and nothing of how coordinates go together. (Fresh coordinates of a Gaussian are independent already: to shuffle
  those would change nothing.)

If shuffled ones serve as the assigned do, single coordinates of fresh ones are off, such as too wide; if they serve as
the fresh do, the prior lacks how coordinates go together. Sets are drawn with replacement, for an image has as many
fresh samples as it happens to: one latent for each image would be evener than that, and look better for it. What
repeats in a set makes assigned latents look rather worse than fresh ones, so a gap is rather said to be too small.

Assigned latents were chosen for the training images, and that alone brings their samples nearer to these. It does not
bring them nearer to images that were held out, nor in features that nothing was matched in. So of several comparisons
the one that finds the least counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..core.records import Score
from ..core.seeding import stream
from ..metrics import frechet_distance, prior_gap
from ..model import Model
from .spaces import Space

DRAWS = 5  # sets of each kind
MOST = 500  # latents in a set, and assigned ones that are looked at
LEAST = 8  # of either, and held-out images: with fewer nothing is said


def latents_gap(
    model: Model, assigned: Tensor, spaces: Sequence[Space], *, fresh: Sequence[Tensor], seed: int
) -> Score | None:
    """Frechet distances at assigned, shuffled and fresh latents, and the share that the latents account for.

    Args:
        model: makes the samples.
        assigned: latents that serve the training images, as often as they do, ``(m, d)``.
        spaces: the chief one, and others.
        fresh: in each of them, features of at least ``DRAWS`` samples for each training image or of ``DRAWS * MOST``.
        seed: of the choices.

    Returns:
        :func:`allmodes.metrics.prior_gap` where it is the least beyond chance; detail: by what samples were held
        against (``training``, ``heldout``, or ``training, `` and a space) the distances of each set and the share.
        None for fewer than eight latents or images.
    """
    rows = assigned[torch.randperm(len(assigned), generator=stream(seed, "assigned"))[:MOST]].cpu()
    size = min(len(spaces[0].real), MOST)
    if min(len(rows), size) < LEAST:
        return None
    images = {"assigned": model.decode(rows), "shuffled": model.decode(shuffled(rows, seed=seed))}
    views: dict[str, dict[str, list[float]]] = {}
    for number, (space, samples) in enumerate(zip(spaces, fresh, strict=True)):
        sets = {kind: _sets(space.features(some), size, f"{kind} sets", seed=seed) for kind, some in images.items()}
        sets["training"] = _sets(space.real, size, "training sets", seed=seed)
        sets["fresh"] = list(samples[: size * DRAWS].split(size))  # type: ignore[no-untyped-call]
        views["training" if number == 0 else f"training, {space.distance.name}"] = _held_against(space.real, sets)
        if number == 0 and len(space.heldout) >= LEAST:
            views["heldout"] = _held_against(space.heldout, sets)
    shares = {view: prior_gap(each["fresh"], each["assigned"], each["training"]) for view, each in views.items()}
    detail = {view: {**each, "share": shares[view].value} for view, each in views.items()}
    least = min(shares.values(), key=lambda share: 0.0 if share.ci95 is None else share.ci95[0])
    return replace(least, n_real=len(spaces[0].real), n_fake=size, detail={"views": detail})


def shuffled(latents: Tensor, *, seed: int) -> Tensor:
    """Latents ``(n, d)`` with the rows of each coordinate in an order of their own."""
    keys = torch.rand(latents.shape, generator=stream(seed, "shuffled"))
    return latents.gather(0, keys.argsort(0))


def _sets(features: Tensor, size: int, kind: str, *, seed: int) -> list[Tensor]:
    """``DRAWS`` sets of ``size`` rows, drawn with replacement."""
    drawn = torch.randint(len(features), (DRAWS, size), generator=stream(seed, kind))
    return [features[rows] for rows in drawn]


def _held_against(reference: Tensor, sets: Mapping[str, Sequence[Tensor]]) -> dict[str, list[float]]:
    """The Frechet distances of each set of each kind."""
    return {kind: [frechet_distance(reference, some).value for some in each] for kind, each in sets.items()}
