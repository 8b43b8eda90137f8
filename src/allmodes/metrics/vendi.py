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
from .neighbourhood import Features


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
    Features.of(real, fake)
    rng = torch.Generator().manual_seed(seed)
    first, second = (torch.as_tensor(rows).detach().to("cpu", torch.float64) for rows in (real, fake))
    size = min(len(first), len(second))
    ours, theirs = (effective_number(x[torch.randperm(len(x), generator=rng)[:size]]) for x in (second, first))
    certificate = {"kernel": "cosine", "size": size, "seed": seed}
    return Score("vendi", ours, None, len(first), len(second), certificate, {"real": theirs})


def effective_number(features: Tensor) -> float:
    """Exponential of the entropy of the eigenvalues of the cosine kernel of ``(n, D)``, by the smaller Gram matrix."""
    norms = features.norm(dim=1, keepdim=True)
    if (norms == 0).any():
        raise ValueError("a feature vector is zero: its cosine with others is not defined")
    unit = features / norms
    gram = unit @ unit.T if len(unit) <= unit.shape[1] else unit.T @ unit
    values = torch.linalg.eigvalsh(gram / len(unit)).clamp(min=0)
    values = values[values > 0]
    return float(torch.exp(-(values * values.log()).sum()))
