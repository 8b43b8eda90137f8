r"""Vendi score (Friedman & Dieng 2023): the effective number of different samples.

.. math:: VS = \exp\Big(-\sum_i \lambda_i \log \lambda_i\Big), \qquad \lambda = \mathrm{eig}(K / n)

with the cosine kernel. It looks at samples alone: noise scores high, and what is missing from data is not seen. So
the score of as many real examples stands beside it.
"""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..core.records import Score
from .usable import usable_pair


def vendi(real: ArrayLike, fake: ArrayLike, *, seed: int = 0) -> Score:
    """Effective number of different samples.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``; only as many as of the other are taken where one is larger.
        seed: of the choice.

    Returns:
        Score; detail: ``real``, the score of real examples.

    Raises:
        ValueError: fewer than two examples, NaN, different dimensions, or a feature vector of zeros.
    """
    first, second = (
        _directions(rows, side) for rows, side in zip(usable_pair(real, fake), ("real", "fake"), strict=True)
    )
    rng = torch.Generator().manual_seed(seed)
    size = min(len(first), len(second))
    ours, theirs = (effective_number(x[torch.randperm(len(x), generator=rng)[:size]]) for x in (second, first))
    certificate = {"kernel": "cosine", "size": size, "seed": seed}
    return Score("vendi", ours, None, len(first), len(second), certificate, {"real": theirs})


def _directions(features: Tensor, side: str) -> Tensor:
    """Rows ``(n, D)`` of length 1, whatever their scale."""
    largest = features.abs().amax(1, keepdim=True)
    zero = (largest == 0).nonzero()
    if len(zero):
        raise ValueError(f"{side}: row {int(zero[0, 0])} is zero: its cosine with others is not defined")
    scaled = features.double() / largest
    return scaled.div_(torch.linalg.vector_norm(scaled, dim=1, keepdim=True))


def effective_number(unit: Tensor) -> float:
    """Exponential of the entropy of the eigenvalues of the cosine kernel of rows ``(n, D)`` of length 1.

    The smaller Gram matrix has them.
    """
    gram = unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
    values = torch.linalg.eigvalsh(gram / len(unit)).clamp(min=0)
    values = values[values > 0]
    return float(torch.exp(-(values * values.log()).sum()))
