"""Draws that can be asked for again: of many latents the first are those of few."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.records import Latents
from ..core.seeding import stream
from .base import Prior

DRAWN = 500  # latents that are drawn at once: samples are by this, too


def latents(
    prior: Prior,
    n: int,
    *,
    seed: int = 0,
    sigma: float = 1.0,
    component: int | None = None,
    labels: Tensor | None = None,
) -> Latents:
    """``n`` latents.

    Args:
        prior: their law.
        n: their number.
        seed: of the draw.
        sigma: scale of the noise.
        component: of a mixture, the only one to draw from.
        labels: the class of each, int64 ``(n,)``, where classes own components.

    Raises:
        UserError: ``n`` or ``sigma`` is not positive, or there is no such component.
    """
    if not 0 < sigma < float("inf"):
        raise UserError(f"Cannot scale the noise by a sigma of {sigma}: it must be above 0, and finite.")
    if component is not None:
        if prior.components is None:
            raise UserError(f"The prior '{prior.name}' of this model has no components: leave out the component.")
        require_below(prior.components, component, "component")
    found = []
    for block in _blocks(n):
        noise = prior.noise(DRAWN, stream(seed, "sample", block)).scaled(sigma)
        noise = noise if component is None else noise.of(component)
        of = None if labels is None else labels[torch.arange(block * DRAWN, (block + 1) * DRAWN) % n]
        found.append(prior.drawn(noise, of))
    components = [each.component for each in found if each.component is not None]
    return Latents(torch.cat([each.z for each in found]), torch.cat(components) if components else None)[:n]


def labels(
    prior: Prior,
    n: int,
    classes: int | None,
    *,
    seed: int = 0,
    label: int | None = None,
    component: int | None = None,
    shares: Sequence[float] | None = None,
) -> Tensor | None:
    """The class of each of ``n`` samples, int64 ``(n,)``; None where there are no classes.

    Args:
        prior: their law.
        n: their number.
        classes: how many there are.
        seed: of the draw.
        label: the only class.
        component: the only component, which tells the class where classes own components.
        shares: how often each class comes; None for equally often.

    Raises:
        UserError: ``n`` is not positive, or there is no such class.
    """
    blocks = _blocks(n)
    if classes is None:
        if label is None:
            return None
        raise UserError(
            f"The prior '{prior.name}' of this model has no classes, nor has its generator: leave out the label."
        )
    if label is None and component is not None and prior.classes is not None:
        label = component % prior.classes
    if label is not None:
        require_below(classes, label, "label")
        return torch.full((n,), label)
    weights = torch.tensor([1.0] * classes if shares is None else shares, dtype=torch.float64)
    streams = (stream(seed, "labels", block) for block in blocks)
    return torch.cat([torch.multinomial(weights, DRAWN, replacement=True, generator=each) for each in streams])[:n]


def weights(prior: Prior, shares: Sequence[float] | None = None) -> Tensor | None:
    """How often each component comes among samples, ``(K,)``; None where there are no components.

    Args:
        prior: their law.
        shares: how often each class comes, see :func:`labels`.
    """
    found = prior.weights()
    if found is None or prior.classes is None or shares is None:
        return found
    within = found.view(-1, prior.classes) / found.view(-1, prior.classes).sum(0)
    return (within * torch.tensor(shares).to(found)).flatten()


def _blocks(n: int) -> range:
    if n < 1:
        raise UserError(f"Cannot draw {n} samples: the number must be at least 1.")
    return range(-(-n // DRAWN))


def require_below(known: int, number: int, what: str) -> None:
    """Raise a UserError unless a component or a label is one of those that a model has."""
    if not 0 <= number < known:
        raise UserError(f"There is no {what} {number}: this model has 0 to {known - 1}.")
