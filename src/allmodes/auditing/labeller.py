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
class Labeller:
    """Scores and marks for every label of an attribute.

    Args:
        landmarks: ``(L, D)``.
        width: of the kernel.
        weights: from the kernel at the landmarks to scores, ``(L, K)``.
        offset: of the scores, ``(K,)``.
        left_out: of each example that it learnt from, its scores without that, ``(n, K)``.
        thresholds: scores above which an example is marked, ``(K,)``.
    """

    landmarks: Tensor
    width: float
    weights: Tensor
    offset: Tensor
    left_out: Values
    thresholds: Values

    @classmethod
    def learnt(cls, features: Tensor, codes: Codes, labels: int) -> Labeller:
        """Learn from examples in no order.

        Args:
            features: ``(n, D)``.
            codes: the number of each one's label, ``(n,)``.
            labels: how many there are.
        """
        borne = torch.eye(labels, dtype=torch.float64)[torch.from_numpy(codes)]
        landmarks = features[:LANDMARKS]
        apart = torch.cdist(landmarks, landmarks)
        middle = float(apart[apart > 0].median()) if bool((apart > 0).any()) else 1.0
        fits = [_fitted(features, landmarks, share * middle, borne) for share in WIDTHS]
        return min(fits, key=lambda fit: fit.error).labeller

    def scores(self, features: Tensor) -> Values:
        """How much each example ``(n, D)`` looks like each label, ``(n, K)``: 0 for not at all, 1 for surely."""
        kernel = _kernel(features, self.landmarks, self.width)
        found: Values = (kernel @ self.weights + self.offset).numpy()
        return found


@dataclass(frozen=True)
class _Fit:
    """A labeller and the squared error of its scores of left-out examples."""

    labeller: Labeller
    error: float


def _kernel(features: Tensor, landmarks: Tensor, width: float) -> Tensor:
    return torch.exp(-(torch.cdist(features, landmarks) / width).square() / 2).double()


def _fitted(features: Tensor, landmarks: Tensor, width: float, borne: Tensor) -> _Fit:
    """The fit at the best penalty, of this width."""
    values, vectors = torch.linalg.eigh(_kernel(landmarks, landmarks, width))
    kept = values > TINY * values[-1]
    whiten = vectors[:, kept] / values[kept].sqrt()
    mapped = _kernel(features, landmarks, width) @ whiten
    centre, mean = mapped.mean(0), borne.mean(0)
    spread, turn = torch.linalg.eigh((mapped - centre).T @ (mapped - centre))
    turned = (mapped - centre) @ turn
    target = turned.T @ (borne - mean)
    fits = []
    for penalty in PENALTIES:
        shrunk = 1 / (spread.clamp_min(0) + penalty)
        coefficients = shrunk[:, None] * target
        leverage = 1 / len(borne) + turned.square() @ shrunk
        missed = (borne - mean - turned @ coefficients) / (1 - leverage).clamp_min(TINY)[:, None]
        left_out = (borne - missed).numpy()
        offset = mean - centre @ turn @ coefficients
        thresholds = _thresholds(left_out, borne.sum(0).long().numpy())
        labeller = Labeller(landmarks, width, whiten @ turn @ coefficients, offset, left_out, thresholds)
        fits.append(_Fit(labeller, float(missed.square().sum())))
    return min(fits, key=lambda fit: fit.error)


def _thresholds(scores: Values, counts: Codes) -> Values:
    """Scores ``(n, K)`` of which, of every label, so many ``(K,)`` are above."""
    ordered, columns = np.sort(scores, axis=0)[::-1], np.arange(len(counts))
    last = ordered[np.maximum(counts - 1, 0), columns]
    following = ordered[np.minimum(counts, len(scores) - 1), columns]
    return np.where(counts > 0, (last + following) / 2, np.inf)
