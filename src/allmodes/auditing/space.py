"""The feature space that both sides of a comparison are looked at in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..core.configuration import build_part, resolve_part
from ..core.discovery import find
from ..core.errors import UserError
from ..distances.base import Distance
from .examples import LEAST, Examples
from .pairs import joined

HANDED = ("features", "given")
ROOM = "allmodes.distances"


@dataclass(frozen=True)
class Sides:
    """Data ``(n, D)`` and samples ``(m, D)`` in one space."""

    real: Tensor
    fake: Tensor


@dataclass(frozen=True)
class Space:
    """A feature space with both sides in it.

    Args:
        name: of the distance.
        fingerprint: its configuration and the hash of its weights.
        sides: as the feature network gives them.
    """

    name: str
    fingerprint: str
    sides: Sides

    @classmethod
    def of(cls, data: Examples, samples: Examples, distance: Distance) -> Space:
        """Embed both sides.

        Args:
            data: the real examples.
            samples: of the generator.
            distance: the feature space; not used where features are given.

        Raises:
            UserError: the sides do not go together, or are too small.
        """
        _check(data, samples)
        real, fake = data.embedded(distance), samples.embedded(distance)
        if real.shape[1] != fake.shape[1]:
            raise UserError(f"The data have {real.shape[1]} features and the samples {fake.shape[1]}.")
        name, fingerprint = HANDED if data.features is not None else (distance.name, distance.fingerprint())
        if data.given is not None and samples.given is not None:
            real, fake = joined(real, fake, data.given.embedded(distance), samples.given.embedded(distance))
            name = f"{name} of pairs"
        return cls(name, fingerprint, Sides(real, fake))


def certify(data: Examples, samples: Examples, space: Space, seed: int) -> dict[str, Any]:
    """What every figure depends on."""
    rules = f"data: {data.resize}; samples: {samples.resize}"
    return {
        "features": space.name,
        "fingerprint": space.fingerprint,
        "dimensions": space.sides.real.shape[1],
        "resize": data.resize if data.resize == samples.resize else rules,
        "real": data.fingerprint,
        "fake": samples.fingerprint,
        "seed": seed,
    }


def _check(data: Examples, samples: Examples) -> None:
    if (data.images is None) != (samples.images is None):
        raise UserError("One side holds images and the other features: give both as images, or both as features.")
    for what, side in (("data", data), ("samples", samples)):
        if len(side) < LEAST:
            raise UserError(f"The {what} are too few ({len(side)}): an audit needs at least {LEAST} of both.")
    if data.images is not None and samples.images is not None and data.images.shape[1:] != samples.images.shape[1:]:
        shapes = [" x ".join(map(str, side.shape[1:])) for side in (data.images, samples.images)]
        raise UserError(f"The data are images of {shapes[0]} and the samples of {shapes[1]}: bring them to one size.")


def open_distance(name: str, options: Mapping[str, Any] | None = None) -> Distance:
    """A feature space by its name.

    Args:
        name: of a distance that needs no network of the project's own.
        options: arguments of its constructor.

    Raises:
        UserError: there is none of this name, an option does not fit, or it needs a trained network.
    """
    part = resolve_part(ROOM, Distance, {"name": name, **(options or {})}, frozenset(), "distance")
    if find(ROOM, Distance, name).needs is not None:
        raise UserError(
            f"The distance '{name}' needs a trained network: use pixels or random-convolution, or hand in features."
        )
    return build_part(ROOM, Distance, part, {})
