"""Few images: what was learnt of them, and what was only copied.

The published protocol holds samples against the training images themselves, so a generator that replays them is
perfect. It is kept for comparison. Beside it stand figures that copying does not improve: those of images held out of
training, the share of samples that are copies, and how evenly samples change between latents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.records import Score
from ...core.seeding import stream
from ...data.base import Dataset
from ...distances.st_lpips import StLpips
from ...metrics import (
    copied_mass,
    covered,
    density_coverage,
    frechet_distance,
    inversion_distance,
    largest_step,
    memorisation,
    precision_recall,
    reached,
)
from ...model import Model
from ...search import Exact
from ..latents import MOST as LATENTS
from ..latents import latents_gap
from ..nearest import coarse_pixels
from ..spaces import Space, chief_space, installed, second_space
from .base import BLOCK, EvaluationProtocol, Looking, Subject

FEWEST, MOST = 10, 2_000  # training images
SMALLEST = 16  # side: networks trained on photographs see nothing in less
PER_IMAGE, SAMPLES, QUICK = 5, 5_000, 400  # samples for each training image, at most, and at most in a first look
COPYING = -3  # C_T below it says so (Meehan et al. 2020)
INVERTED, POOL, STEPS = 50, 2_000, 100  # images of either kind, samples to start from, steps of the descent
WALKS, WALK = 16, 16  # walks between latents, and steps of each
PROTOCOL = "few-shot: samples against the training images themselves, which rewards copying them"
NO_FOLD = "No images were held out: --data.heldout 0.2 would tell what was learnt from what was copied."


class FewShotProtocol(EvaluationProtocol):
    """Likeness, coverage, copies, reach and smoothness; in a first look the first three alone."""

    name = "few-shot"
    order = 50
    copies = True

    def fits(self, dataset: Dataset) -> bool:
        images = len(dataset.shape) == 3 and dataset.shape[0] in {1, 3} and min(dataset.shape[1:]) >= SMALLEST
        return dataset.fixed and images and FEWEST <= len(dataset) <= MOST

    def passes(self, dataset: Dataset) -> int:
        inverted = min(INVERTED, len(dataset)) + min(INVERTED, len(dataset.heldout_images))
        return min(SAMPLES, PER_IMAGE * len(dataset)) + 2 * LATENTS + POOL + inverted * 3 * STEPS

    def looking(self, dataset: Dataset, device: torch.device) -> Looking:
        each = PER_IMAGE * len(dataset)
        networks = [network.embed for network in installed(device)]
        return Looking(min(SAMPLES, each) + 2 * LATENTS, min(QUICK, each), networks)

    def scores(self, subject: Subject) -> tuple[Score, ...]:
        space = chief_space(subject.dataset, subject.device)
        if subject.quick:
            fake = torch.cat([space.features(images) for images in _samples(subject, QUICK)])
            look = (frechet_distance(space.real, fake), covered(space.real, fake))
            return (*(_certified(score, subject, space) for score in look), _copied(subject, space, fake))
        found = _likeness(subject, space, second_space(subject.dataset, subject.device))
        if subject.model is not None:
            found += [*_reach(subject, subject.model, space), *_smoothness(subject, subject.model)]
        return tuple(found)


def _samples(subject: Subject, most: int) -> Iterator[Tensor]:
    count = min(most, PER_IMAGE * len(subject.dataset))
    for block, start in enumerate(range(0, count, BLOCK)):
        yield subject.draw(min(BLOCK, count - start), block)


def _certified(score: Score, subject: Subject, space: Space, *, protocol: str = PROTOCOL) -> Score:
    certificate = {
        "protocol": f"{protocol}{', quick look' if subject.quick else ''}",
        "features": space.distance.fingerprint(),
        "data": subject.dataset.fingerprint,
        "split": f"{len(space.real):,} training images, {len(space.heldout):,} held out",
        "seed": subject.seed,
    }
    return replace(score, warnings=(*score.warnings, *space.warnings)).certified(certificate)


def _likeness(subject: Subject, space: Space, second: Space | None) -> list[Score]:
    """Everything that two sets of features tell."""
    spaces = [space] if second is None else [space, second]
    seen: list[list[Tensor]] = [[] for _ in spaces]
    coarse, shown = coarse_pixels(subject.dataset.shape), []
    for images in _samples(subject, SAMPLES):
        shown.append(coarse.embed(images))
        for each, features in zip(spaces, seen, strict=True):
            features.append(each.features(images))
    fakes = [torch.cat(features) for features in seen]
    fake, held_out = fakes[0], len(space.heldout) > 1
    chief = frechet_distance(space.real, fake)
    chief = chief if held_out else replace(chief, warnings=(*chief.warnings, NO_FOLD))
    found = [_certified(chief, subject, space)]
    if second is not None:
        other = replace(frechet_distance(second.real, fakes[1]), name="frechet_vgg")
        found.append(_certified(other, subject, second))
    if held_out:
        beside = _heldout_distance(space, fake)
        found.append(_certified(beside, subject, space, protocol="few-shot: samples against held-out images"))
    figures = [*precision_recall(space.real, fake), *density_coverage(space.real, fake), covered(space.real, fake)]
    memorised = _memorised(subject, space, torch.cat(shown))
    copied = _beside(_copied(subject, space, fake), memorised)
    found += [*(_certified(score, subject, space) for score in figures), copied]
    return [*found, *memorised, *_gap(subject, spaces, fakes)]


def _memorised(subject: Subject, space: Space, fake: Tensor) -> list[Score]:
    """Whether samples are nearer to training images than held-out images are, in pixels.

    A training image drawn again, softer or with other fur, is no copy in features, and is one to the eye.

    Args:
        subject: gives the held-out images.
        space: gives the training images.
        fake: samples as ``coarse_pixels`` sees them, ``(n, D)``.
    """
    coarse, heldout = coarse_pixels(subject.dataset.shape), subject.dataset.heldout_images
    if len(heldout) < FEWEST:
        return []
    try:
        score = memorisation(coarse.embed(space.images), coarse.embed(heldout), fake, seed=subject.seed)
    except ValueError:  # no part of the data holds samples and held-out images
        return []
    certified = _certified(score, subject, space, protocol="few-shot: samples nearer to training images than others")
    return [certified.certified({"features": coarse.fingerprint()})]


def _beside(copied: Score, memorised: Sequence[Score]) -> Score:
    """The copied mass, which sees copies in features alone, with what pixels tell of photographs drawn again."""
    drawn_again = [
        f"In coarse pixels samples lie nearer to training images than held-out images do (C_T {score.value:.1f}): many "
        "may be training images drawn again, which this figure does not count."
        for score in memorised
        if score.value < COPYING
    ]
    return replace(copied, warnings=(*copied.warnings, *drawn_again))


def _gap(subject: Subject, spaces: Sequence[Space], fakes: Sequence[Tensor]) -> list[Score]:
    """What lies in the latents, where training images have some of their own."""
    if subject.model is None or subject.assigned is None:
        return []
    score = latents_gap(subject.model, subject.assigned, spaces, fresh=fakes, seed=subject.seed)
    protocol = "few-shot: samples at latents assigned in training, and at fresh ones"
    return [] if score is None else [_certified(score, subject, spaces[0], protocol=protocol)]


def _copied(subject: Subject, space: Space, fake: Tensor) -> Score:
    heldout = space.heldout if len(space.heldout) > 1 else None
    score = copied_mass(space.real, fake, heldout, seed=subject.seed)
    return _certified(score, subject, space, protocol="few-shot: samples nearer to training images than others")


def _heldout_distance(space: Space, fake: Tensor) -> Score:
    """Frechet distance of as many samples as training images from those held out, beside that of the training images.

    A generator that copies gets the latter.
    """
    score = frechet_distance(space.heldout, fake[: len(space.real)])
    training = frechet_distance(space.heldout, space.real)
    return replace(score, name="frechet_heldout", detail={"training": training.value})


def _reach(subject: Subject, model: Model, space: Space) -> list[Score]:
    """How near the generator gets to images that it was trained on, and to others, by descent in the latent."""
    both = {"train": space.images, "heldout": subject.dataset.heldout_images}
    chosen = {
        name: images[torch.randperm(len(images), generator=stream(subject.seed, name))[:INVERTED]]
        for name, images in both.items()
    }
    images = torch.cat(list(chosen.values()))
    inverted = model.invert(images, pool=POOL, steps=STEPS, seed=subject.seed)
    made, wanted = space.features(model.decode(inverted.latents, inverted.condition)), space.features(images)
    split = [len(some) for some in chosen.values()]
    parts = [torch.split(values, split) for values in (images, inverted.distances, (made - wanted).norm(dim=1), wanted)]
    found = []
    for name, images, pixels, looks, features in zip(chosen, *parts, strict=True):
        if len(images) > 0:
            pair = _inversion(space, images, pixels, looks, features, kind=name)
            found += [_certified(score, subject, space, protocol="few-shot: descent in the latent") for score in pair]
    return found


def _inversion(
    space: Space, images: Tensor, pixels: Tensor, looks: Tensor, features: Tensor, *, kind: str
) -> tuple[Score, Score]:
    """Distances of images beside those of the nearest training images, in pixels, and which are reached, in features.

    Args:
        space: of the features.
        images: ``(n, C, H, W)``.
        pixels: Euclidean distances to what the generator makes, ``(n,)``.
        looks: the same in features, ``(n,)``.
        features: of the images, ``(n, D)``.
        kind: ``"train"``, of which another one must be nearest, or ``"heldout"``.
    """
    scale, own = images[0].numel() ** -0.5, kind == "train"
    training = _to_training(images.flatten(1), space.images.flatten(1), own=own)
    distance = replace(inversion_distance(pixels * scale, training * scale), name=f"inversion_{kind}")
    share = reached(looks, _to_training(features, space.real, own=own))
    share = replace(share, name=f"reached_{kind}", detail={**share.detail, "pixels": reached(pixels, training).value})
    certificate = {"pool": POOL, "steps": STEPS, "distance": "root mean squared difference of pixels"}
    return distance.certified(certificate), share.certified({**certificate, "distance": "in features"})


def _to_training(points: Tensor, training: Tensor, *, own: bool) -> Tensor:
    """Distance of points ``(n, D)`` to the nearest training image ``(m, D)`` that is not the point itself, ``(n,)``."""
    index = Exact(training.shape[1])
    index.add(training, borrow=True)
    return index.query(points, 2 if own else 1).distances[:, -1]


def _smoothness(subject: Subject, model: Model) -> Sequence[Score]:
    """Steps of ST-LPIPS on walks between latents; nothing where its weights are not installed."""
    distance = _perceptual(subject.device)
    if distance is None:
        return ()
    drawn = model.draw(2 * WALKS, seed=subject.seed)
    (start, end), condition = drawn.z.chunk(2), drawn[:WALKS].condition
    steps, before = [], None
    for step in range(WALK + 1):
        with torch.no_grad():
            images = model.decode(model.prior.between(start, end, step / WALK), condition)
            here = distance.embed(images.to(subject.device))
        if before is not None:
            steps.append((here - before).norm(dim=1).cpu())
        before = here
    certificate = {
        "protocol": "few-shot: equal steps between latents of the prior (after Karras et al. 2019)",
        "features": distance.fingerprint(),
        "data": subject.dataset.fingerprint,
        "seed": subject.seed,
    }
    return [largest_step(torch.stack(steps, 1)).certified(certificate)]


@lru_cache(maxsize=1)
def _perceptual(device: torch.device) -> StLpips | None:
    try:
        return StLpips(trunk="alex").to(device)
    except UserError:
        return None
