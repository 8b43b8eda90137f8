r"""Which label does an example bear? A classifier that says of itself how often it is right.

Regularised least squares in a Gaussian kernel (Rifkin, Yeo & Poggio 2003), on a few hundred landmarks (Nystroem's
features, Williams & Seeger 2001). With :math:`h_i` an example's leverage, what the classifier would say of it, had it
not learnt from it, is known in closed form (Rifkin & Lippert 2007):

.. math:: y_i - \hat y_{-i} = (y_i - \hat y_i) / (1 - h_i)

so width and penalty are chosen, and the accuracy is measured, by leaving out one example after the other, at no cost.

A label is put on an example whose score is above the threshold that puts it, of examples left out, on as many as bear
it: a rare label is not lost among frequent ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LANDMARKS = 300
WIDTHS = (0.5, 1.0, 2.0)  # of the kernel, in median distances
PENALTIES = tuple(10.0**power for power in range(-4, 3))
TINY = 1e-6  # of the kernel's largest eigenvalue: less is not told from 0

Values = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Basis:
    """Examples in the kernel of one width, whatever their labels are.

    Args:
        landmarks: ``(L, D)``.
        width: of the kernel.
        centre: from the kernel at the landmarks to coordinates: what is taken off these, ``(R,)``.
        turn: what the kernel is multiplied by before, ``(L, R)``.
        coordinates: of the examples, each independent of the others, ``(n, R)``.
    """

    landmarks: Tensor
    width: float
    centre: Tensor
    turn: Tensor
    coordinates: Tensor

    @classmethod
    def of(cls, features: Tensor) -> tuple[Basis, ...]:
        """That of every width, for examples ``(n, D)`` in no order."""
        landmarks = features[:LANDMARKS]
        apart = torch.cdist(landmarks, landmarks)
        middle = float(apart[apart > 0].median()) if bool((apart > 0).any()) else 1.0
        return tuple(cls._of(features, landmarks, share * middle) for share in WIDTHS)

    @classmethod
    def _of(cls, features: Tensor, landmarks: Tensor, width: float) -> Basis:
        values, vectors = torch.linalg.eigh(_kernel(landmarks, landmarks, width))
        kept = values > TINY * values[-1]
        whiten = vectors[:, kept] / values[kept].sqrt()
        mapped = _kernel(features, landmarks, width) @ whiten
        centred = mapped - mapped.mean(0)
        _, axes = torch.linalg.eigh(centred.T @ centred)
        return cls(landmarks, width, mapped.mean(0) @ axes, whiten @ axes, centred @ axes)

    def place(self, features: Tensor) -> Tensor:
        """The coordinates of others ``(m, D)``, ``(m, R)``."""
        return _kernel(features, self.landmarks, self.width) @ self.turn - self.centre


def _kernel(features: Tensor, landmarks: Tensor, width: float) -> Tensor:
    return torch.exp(-(torch.cdist(features, landmarks) / width).square() / 2).double()


@dataclass(frozen=True)
class Labeller:
    """Scores and marks for every label of an attribute.

    Args:
        basis: that of the best width.
        weights: from coordinates to scores, ``(R, K)``.
        offset: of the scores, ``(K,)``.
        left_out: of each example that it learnt from, its scores without that, ``(n, K)``.
        thresholds: scores above which an example is marked, ``(K,)``.
        error: the sum of squares by which scores of left-out examples are wrong.
    """

    basis: Basis
    weights: Tensor
    offset: Tensor
    left_out: Values
    thresholds: Values
    error: float

    @classmethod
    def learnt(cls, bases: Sequence[Basis], codes: Codes, labels: int) -> Labeller:
        """Learn from examples, at the best width and penalty.

        Args:
            bases: of the examples, one for every width.
            codes: the number of each one's label, ``(n,)``.
            labels: how many there are.
        """
        borne = torch.eye(labels, dtype=torch.float64)[torch.from_numpy(codes)]
        return min((fit for basis in bases for fit in _fits(basis, borne)), key=lambda fit: fit.error)

    def scores(self, features: Tensor) -> Values:
        """How much each example ``(n, D)`` looks like each label, ``(n, K)``: 0 for not at all, 1 for surely."""
        found: Values = (self.basis.place(features) @ self.weights + self.offset).numpy()
        return found


def _fits(basis: Basis, borne: Tensor) -> Iterator[Labeller]:
    """Labellers that learn who bears which label, ``(n, K)``, one for every penalty."""
    places, mean = basis.coordinates, borne.mean(0)
    squared, target = places.square(), places.T @ (borne - mean)
    spread = squared.sum(0)
    for penalty in PENALTIES:
        weights = target / (spread + penalty)[:, None]
        leverage = 1 / len(borne) + squared @ (1 / (spread + penalty))
        missed = (borne - mean - places @ weights) / (1 - leverage).clamp_min(TINY)[:, None]
        left_out, error = (borne - missed).numpy(), float(missed.square().sum())
        yield Labeller(basis, weights, mean, left_out, _thresholds(left_out, borne.sum(0).long().numpy()), error)


def _thresholds(scores: Values, counts: Codes) -> Values:
    """Scores ``(n, K)`` of which, of every label, so many ``(K,)`` are above."""
    ordered, columns = np.sort(scores, axis=0)[::-1], np.arange(len(counts))
    last = ordered[np.maximum(counts - 1, 0), columns]
    following = ordered[np.minimum(counts, len(scores) - 1), columns]
    return np.where(counts > 0, (last + following) / 2, np.inf)
