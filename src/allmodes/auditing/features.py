"""Both sides of an audit in one feature space of few dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
class Features:
    """Both sides, centred.

    Args:
        real: ``(n, D)``, D at most 64.
        fake: ``(m, D)``.
        space: ``name`` and ``fingerprint`` of the feature space.
    """

    real: Tensor
    fake: Tensor
    space: Mapping[str, str]

    @classmethod
    def of(cls, data: Examples, samples: Examples, distance: str | Distance, half: Tensor) -> Features:
        """Embed both sides and keep the leading principal components of one half of the data.

        Args:
            data: the real examples.
            samples: of the generator.
            distance: the feature space, or its name; not used where features are given.
            half: rows of the data that the components are fitted to, int64.

        Raises:
            UserError: the sides do not go together, are too small, or the feature space needs training.
        """
        _check(data, samples)
        chosen = distance if isinstance(distance, Distance) else _distance(distance)
        space = HANDED if data.features is not None else {"name": chosen.name, "fingerprint": chosen.fingerprint()}
        first, second = data.embedded(chosen), samples.embedded(chosen)
        if first.shape[1] != second.shape[1]:
            raise UserError(f"The data have {first.shape[1]} features and the samples {second.shape[1]}.")
        centre = first[half].mean(0)
        first, second = first - centre, second - centre
        if first.shape[1] > COMPONENTS:
            rank = min(COMPONENTS, len(half))
            fitted = PCA(rank, svd_solver="randomized" if len(half) > rank else "full", random_state=0)
            basis = torch.from_numpy(fitted.fit(first[half].numpy()).components_.T).float()
            first, second = first @ basis, second @ basis
        return cls(first, second, space)


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
