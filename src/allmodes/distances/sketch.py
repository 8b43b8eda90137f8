r"""A few hundred numbers in place of half a million, with distances nearly kept: for search among many candidates.

.. math:: s(x)_k = \sum_{j \equiv k} \epsilon_j x_j, \qquad \epsilon_j = \pm 1, \qquad E\,|s(x) - s(y)|^2 = |x - y|^2

A random projection whose every column has one entry (count sketch: Charikar, Chen & Farach-Colton 2002; feature
hashing: Weinberger et al. 2009). The dense Gaussian matrix that the papers of this family project with would itself be
larger than all candidates together.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.seeding import stream


@lru_cache(maxsize=4)
def _signs(width: int) -> Tensor:
    return torch.randint(2, (width,), generator=stream(0, "sketch", width)).float() * 2 - 1


def sketch(embedded: Tensor, dim: int) -> Tensor:
    """Embeddings in ``dim`` dimensions; those of no more are left as they are.

    Squared distances are kept on average over the signs, with a relative standard deviation of about sqrt(2 / dim)
    where no few coordinates carry them.

    Args:
        embedded: ``(n, D)``.
        dim: dimensions to keep.

    Returns:
        ``(n, dim)``, or ``(n, D)`` as given where D is at most ``dim``.
    """
    width = embedded.shape[1]
    if width <= dim:
        return embedded
    signed = embedded * _signs(width).to(embedded.device)
    return F.pad(signed, (0, -width % dim)).view(len(embedded), -1, dim).sum(1)
