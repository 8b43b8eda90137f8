"""The records that the rooms exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

Rows = TypeVar("Rows", bound="Batch | Noise | Latents")


def _each(rows: Rows, change: Callable[[Tensor], Tensor]) -> Rows:
    """The same with every tensor changed that it has."""
    changed: dict[str, Any] = {name: change(values) for name, values in vars(rows).items() if values is not None}
    return replace(rows, **changed)


@dataclass(frozen=True)
class Batch:
    """A batch of data examples.

    Args:
        images: float in [-1, 1], ``(B, C, H, W)``; for the planar toys points of shape ``(B, 2)``.
        index: which examples of the dataset these are, int64 ``(B,)``; for data that is composed afresh
            every batch, the running number of the example.
        labels: class labels, int64 ``(B,)``, or None.
        inputs: what a conditional generator is given of each example, where data has such: label maps, int64
            ``(B, H, W)``, or small images, float ``(B, C, h, w)``; otherwise None.
    """

    images: Tensor
    index: Tensor
    labels: Tensor | None = None
    inputs: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Batch:
        """Some of them, by their rows."""
        return _each(self, lambda values: values[rows])

    def to(self, device: torch.device) -> Batch:
        return _each(self, lambda values: values.to(device))

    def share(self, rank: int, size: int) -> Batch:
        """Every ``size``-th example from ``rank`` on: what one of ``size`` processes works on."""
        return _each(self, lambda values: values[rank::size])


@dataclass(frozen=True)
class Noise:
    """All that is random of a draw of latents; a prior makes them of it without further chance.

    Args:
        values: around the centre of the law, or of a component, ``(n, e)``.
        component: which component of a mixture each is of, int64 ``(n,)``, or None.
        chance: where weights that are learnt say what the component is, unless it is given: uniform, ``(n,)``.
    """

    values: Tensor
    component: Tensor | None = None
    chance: Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def share(self, rank: int, size: int) -> Noise:
        """That of every ``size``-th latent from ``rank`` on."""
        return _each(self, lambda values: values[rank::size])

    def scaled(self, sigma: float) -> Noise:
        """The same around the same centres, so many times as far from them."""
        return replace(self, values=self.values * sigma)

    def of(self, component: int) -> Noise:
        """The same, all of one component of a mixture."""
        return replace(self, component=torch.full((len(self),), component))

    def to(self, device: torch.device | str) -> Noise:
        return _each(self, lambda values: values.to(device))


@dataclass(frozen=True)
class Latents:
    """Latent codes, one flat float vector each, and what images are made of them under.

    Args:
        z: ``(n, d)``.
        component: which mixture component each code came from, int64 ``(n,)``, or None.
        condition: what a conditional generator is given with each: labels, int64 ``(n,)``, or inputs ``(n, ...)``, see
            :class:`Batch`; None for a generator that takes none.
    """

    z: Tensor
    component: Tensor | None = None
    condition: Tensor | None = None

    def __len__(self) -> int:
        return self.z.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Latents:
        """Some of them, by their rows."""
        return _each(self, lambda values: values[rows])

    def split(self, size: int) -> list[Latents]:
        """All of them, at most so many at a time."""
        return [self[first : first + size] for first in range(0, len(self), size)]

    def share(self, rank: int, size: int) -> Latents:
        """Every ``size``-th code from ``rank`` on."""
        return self[rank::size]

    def to(self, device: torch.device | str) -> Latents:
        return _each(self, lambda values: values.to(device))


@dataclass(frozen=True)
class Neighbours:
    """The answer of a search, with the work it took.

    Args:
        ids: int64 ``(q, k)``, nearest first; -1 where fewer than k points exist.
        distances: Euclidean, float32 ``(q, k)``, ascending; inf where fewer than k points exist.
        evaluations: how many distances were computed in the full space, over all queries.
        visits: how many entries of sorted lists were looked at, where there are any.
    """

    ids: Tensor
    distances: Tensor
    evaluations: int
    visits: int = 0


@dataclass(frozen=True)
class Assignment:
    """Which latent serves which example.

    Args:
        latents: the matched latent of each example, ``(n, d)``.
        distances: the distance of its sample to the example when matched, ``(n,)``.
        age: rounds of matching since the match, int64 ``(n,)``.
    """

    latents: Tensor
    distances: Tensor
    age: Tensor

    def __len__(self) -> int:
        return self.latents.shape[0]


@dataclass(frozen=True)
class Score:
    """A measured figure that carries its certificate.

    Args:
        name: the metric, e.g. ``"modes"``.
        value: the figure.
        ci95: 95% interval, or None where none is known.
        n_real: number of real examples it rests on, or None where it needs none.
        n_fake: number of samples, or None where it needs none.
        certificate: what the figure depends on: feature space and its hash, resize rule, split, seed, protocol.
        detail: per-example or per-part values (plain lists and numbers).
        warnings: plain sentences, e.g. that the sample is too small.
    """

    name: str
    value: float
    ci95: tuple[float, float] | None = None
    n_real: int | None = None
    n_fake: int | None = None
    certificate: Mapping[str, Any] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The score as plain JSON data."""
        return {
            "name": self.name,
            "value": self.value,
            "ci95": None if self.ci95 is None else list(self.ci95),
            "n_real": self.n_real,
            "n_fake": self.n_fake,
            "certificate": dict(self.certificate),
            "detail": dict(self.detail),
            "warnings": list(self.warnings),
        }

    def certified(self, certificate: Mapping[str, Any]) -> Score:
        """The same score with further entries in its certificate."""
        return replace(self, certificate={**self.certificate, **certificate})
