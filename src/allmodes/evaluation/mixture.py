"""What the components of a mixture prior make, how often, and which real images come from them.

Everything is measured here and written down as plain data; pages draw it. Four views (after Ben-Yosef & Weinshall
2018): how likely the components are beside how often classes are; the latents drawn from them and those of real images,
found by descent, on two axes; and precision and recall as the noise around the means grows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..core.records import Batch
from ..core.seeding import stream
from ..data.base import Dataset
from ..metrics import precision_recall
from ..model import Model
from ..priors import draws
from ..priors.mixture import Mixture
from .planes import planes
from .reference import K, space_of
from .spaces import embedded

SCHEMA = 1
SIGMAS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
COMPARED = 1_000  # samples for each sigma, and real examples
DRAWN, BETWEEN, WITHIN = 600, 400, 150  # latents from the prior; real images of all classes, and of one
POOL, STEPS = 2_000, 50  # of the descent to real images
LEAST = 100  # test images: with fewer, samples are held against training examples
COUNTED = 10_000  # examples whose labels say whether there are classes
LOOKED_AT = (len(SIGMAS) + 2) * COMPARED  # images that a large network looks at
CLASSES, PER_CLASS = 100, 5  # at most, and examples of each on average at least, or labels are no classes
CLOUD = 1_000  # samples of planar data


def is_mixture(model: Model) -> bool:
    """Whether there is anything to see; what a generator makes under conditions is not of its component alone."""
    return isinstance(model.prior, Mixture) and model.generator.conditioned is None


def passes() -> int:
    """About how many samples the generator makes for it; a step of the descent counts three."""
    return len(SIGMAS) * COMPARED + 2 * POOL + 3 * STEPS * (BETWEEN + WITHIN)


def mixture_seen(model: Model, dataset: Dataset, *, seed: int, device: torch.device) -> dict[str, Any]:
    """All of it, as JSON can hold it.

    Args:
        model: one whose prior is a mixture.
        dataset: that it was trained on.
        seed: of samples and choices.
        device: where a network looks at images.
    """
    assert isinstance(model.prior, Mixture)
    batch = dataset.batch(0, min(COUNTED, len(dataset)) if dataset.fixed else 2 * COMPARED, seed)
    labels = _classes(batch)
    weights = draws.weights(model.prior, model.card.get("classes"))
    assert weights is not None
    return {
        "schema": SCHEMA,
        "components": model.prior.components,
        "classes": model.prior.classes,
        "weights": _plain(weights),
        "shares": None if labels is None else _plain(_frequencies(dataset, labels)),
        "sigma": sigma_curve(model, dataset, batch, seed=seed, device=device),
        "points": _points(model, seed) if len(dataset.shape) == 1 else None,
        "maps": latent_maps(model, batch, labels, seed=seed),
    }


def sigma_curve(
    model: Model, dataset: Dataset, batch: Batch, *, seed: int, device: torch.device
) -> dict[str, Any] | None:
    """Precision and recall by how far the noise is scaled, and those of as many training examples.

    Where the data have no test split samples are held against training examples.
    """
    held = dataset.test_images if len(dataset.test_images) >= LEAST else batch.images[:0]
    count = min(COMPARED, len(batch), len(held) or COMPARED)
    if count <= K:
        return None
    seen_as, features = look(dataset, device)
    real, training = seen_as((held if len(held) else batch.images)[:count]), batch.images[:count]
    figures = [_shares(real, seen_as(model.sample(count, seed=seed, sigma=sigma))) for sigma in SIGMAS]
    return {
        "sigmas": list(SIGMAS),
        "precision": [each["precision"] for each in figures],
        "recall": [each["recall"] for each in figures],
        "ceiling": _shares(real, seen_as(training)) if len(held) else None,
        "certificate": {
            "features": features,
            "k": K,
            "samples": count,
            "split": f"{count:,} {'test images' if len(held) else 'training examples'}",
            "seed": seed,
        },
    }


def _shares(real: Tensor, fake: Tensor) -> dict[str, float]:
    """Precision and recall."""
    return {score.name: score.value for score in precision_recall(real, fake, k=K)}


def look(dataset: Dataset, device: torch.device) -> tuple[Callable[[Tensor], Tensor], str]:
    """How examples are compared, ``(n, *shape) -> (n, D)``, and what that is called: points are taken as they are."""
    if len(dataset.shape) != 3 or dataset.shape[0] not in {1, 3}:
        return (lambda images: images.flatten(1)), "none: the examples themselves"
    distance, _ = space_of(dataset, device)
    return (lambda images: embedded(distance, images, device)), distance.fingerprint()


def latent_maps(model: Model, batch: Batch, labels: Tensor | None, *, seed: int) -> dict[str, Any]:
    """Planes of latents drawn from all components and of real images; within one class, of those of its component."""
    prior = model.prior
    assert isinstance(prior, Mixture)
    everyone = torch.arange(min(BETWEEN, len(batch)))
    found = {"between": _map(model, batch, everyone, torch.arange(DRAWN) % prior.components, labels, seed=seed)}
    if labels is not None:
        label = int(torch.bincount(labels).argmax())
        members = (labels == label).nonzero()[:WITHIN, 0]
        found["within"] = _map(model, batch, members, None, labels, seed=seed) | {"label": label}
    return found


def _map(
    model: Model, batch: Batch, chosen: Tensor, components: Tensor | None, labels: Tensor | None, *, seed: int
) -> dict[str, Any]:
    """Latents of chosen images and of components, on two axes; those of the images' likeliest by default."""
    prior = model.prior
    assert isinstance(prior, Mixture)
    inverted = model.invert(batch.images[chosen], pool=POOL, steps=STEPS, seed=seed).latents
    owned = prior.log_densities(inverted.to(prior.means.device)).argmax(1).cpu()
    drawn_of = torch.full((WITHIN,), int(owned.bincount().argmax())) if components is None else components
    drawn = drawn_from(model, drawn_of, seed=seed)
    return {
        "component": drawn_of.tolist(),
        "owned": owned.tolist(),
        "labels": None if labels is None else labels[chosen].tolist(),
        "planes": planes(drawn, inverted, seed=seed),
        "certificate": {"inverted": f"{len(chosen):,} training examples", "pool": POOL, "steps": STEPS, "seed": seed},
    }


def drawn_from(model: Model, components: Tensor, *, seed: int) -> Tensor:
    """A latent of each of these components ``(n,)``, each with noise of its own: ``(n, d)``."""
    noise = model.prior.noise(len(components), stream(seed, "drawn"))
    return model.prior.drawn(replace(noise, component=components)).z


def _points(model: Model, seed: int) -> dict[str, Any]:
    """Samples in the plane, and the component that each comes from, drawn as the prior draws them."""
    latents = model.draw(CLOUD, seed=seed)
    assert latents.component is not None
    return {"xy": _plain(model.decode(latents.z, latents.condition)), "component": latents.component.tolist()}


def _classes(batch: Batch) -> Tensor | None:
    """The labels, where they are few enough, and shared by enough examples, to be classes."""
    if batch.labels is None:
        return None
    known = len(set(batch.labels.tolist()))
    return batch.labels if known <= CLASSES and known * PER_CLASS <= len(batch) else None


def _frequencies(dataset: Dataset, labels: Tensor) -> Tensor:
    """How often the classes are: in all of the data where that is known, otherwise among these labels ``(n,)``."""
    known = dataset.frequencies()
    return torch.bincount(labels) / len(labels) if known is None else known


def _plain(values: Tensor) -> list[Any]:
    """Numbers with as many digits as a page can show."""
    rounded: list[Any] = torch.round(values.detach().double().cpu(), decimals=5).tolist()
    return rounded
