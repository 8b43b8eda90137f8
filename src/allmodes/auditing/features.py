"""Both sides of an audit in one feature space of few dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from ..core.discovery import find
from ..core.errors import UserError
from ..distances.base import Distance
from .examples import Examples

COMPONENTS = 64
LEAST = 20  # examples of either side
HANDED = {"name": "features", "fingerprint": "given"}


@dataclass(frozen=True)
class Sides:
    """Data ``(n, D)`` and samples ``(m, D)`` in one space of at most 64 dimensions."""

    real: Tensor
    fake: Tensor


@dataclass(frozen=True)
class Features:
    """Both sides, reduced in two ways. A basis suits the examples that it is fitted to better than others, so none of
    those that are compared may have had a part in it that the others had not.

    Args:
        drawn: in the principal components of one half of the data: to compare the other half with the samples.
        pooled: in those of data and samples together: to compare all data with the samples.
        space: ``name`` and ``fingerprint`` of the feature space.
    """

    drawn: Sides
    pooled: Sides
    space: Mapping[str, str]

    @classmethod
    def of(cls, data: Examples, samples: Examples, distance: str | Distance, half: Tensor) -> Features:
        """Embed both sides and keep their leading principal components.

        Args:
            data: the real examples.
            samples: of the generator.
            distance: the feature space, or its name; not used where features are given.
            half: rows of the data that draw regions, int64.

        Raises:
            UserError: the sides do not go together, are too small, or the feature space needs training.
        """
        _check(data, samples)
        chosen = distance if isinstance(distance, Distance) else _distance(distance)
        space = HANDED if data.features is not None else {"name": chosen.name, "fingerprint": chosen.fingerprint()}
        real, fake = data.embedded(chosen), samples.embedded(chosen)
        if real.shape[1] != fake.shape[1]:
            raise UserError(f"The data have {real.shape[1]} features and the samples {fake.shape[1]}.")
        return cls(_reduced(real, fake, real[half]), _reduced(real, fake, torch.cat([real, fake])), space)


def _reduced(real: Tensor, fake: Tensor, fitted: Tensor) -> Sides:
    """Both sides in the leading principal components of the examples ``fitted``."""
    centre = fitted.mean(0)
    if real.shape[1] <= COMPONENTS:
        return Sides(real - centre, fake - centre)
    rank = min(COMPONENTS, len(fitted))
    solver = "randomized" if len(fitted) > rank else "full"
    with np.errstate(invalid="ignore"):  # examples that are all the same have no variance to explain
        components = PCA(rank, svd_solver=solver, random_state=0).fit(fitted.numpy()).components_
    basis = torch.from_numpy(components.T).float()
    return Sides((real - centre) @ basis, (fake - centre) @ basis)


def _check(data: Examples, samples: Examples) -> None:
    if (data.images is None) != (samples.images is None):
        raise UserError("One side holds images and the other features: give both as images, or both as features.")
    for what, side in (("data", data), ("samples", samples)):
        if len(side) < LEAST:
            raise UserError(f"The {what} are {len(side)}: an audit needs at least {LEAST} of both.")
    if data.images is not None and samples.images is not None and data.images.shape[1:] != samples.images.shape[1:]:
        shapes = [" x ".join(map(str, side.shape[1:])) for side in (data.images, samples.images)]
        raise UserError(f"The data are images of {shapes[0]} and the samples of {shapes[1]}: bring them to one size.")


def _distance(name: str) -> Distance:
    cls = find("allmodes.distances", Distance, name)
    if cls.needs is not None:
        raise UserError(
            f"The distance '{name}' needs a trained network: use pixels or random-convolution, or hand in features."
        )
    return cls()
