"""Both sides of an audit, reduced to few dimensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from ..core.seeding import stream
from .space import Sides

COMPONENTS = 64
FITTED = 20_000  # examples that a basis is fitted to, at most: more take time and memory, and turn it by little
BLOCK = 10_000  # examples that are turned at a time


@dataclass(frozen=True)
class Features:
    """Both sides, reduced in two ways. A basis suits the examples that it is fitted to better than others, so none of
    those that are compared may have had a part in it that the others had not.

    Args:
        drawn: in the principal components of those data that draw regions: to compare the rest with the samples, in
            regions that are the same whatever the samples are.
        pooled: in those of data and samples together: to compare all data with the samples.
    """

    drawn: Sides
    pooled: Sides

    @classmethod
    def of(cls, whole: Sides, drawing: Tensor) -> Features:
        """Keep the leading principal components.

        Args:
            whole: both sides as they are.
            drawing: rows of the data that draw regions, int64.
        """
        pooled = _some(torch.arange(len(whole.real) + len(whole.fake)))  # whichever side they are of
        ours = pooled < len(whole.real)
        theirs = pooled[~ours] - len(whole.real)
        fits = (whole.real[_some(drawing)], torch.cat([whole.real[pooled[ours]], whole.fake[theirs]]))
        return cls(*(_reduced(whole.real, whole.fake, fitted) for fitted in fits))


def halved(count: int, seed: int) -> Tensor:
    """The rows of a random half of so many examples, int64 ``(count // 2,)``."""
    return torch.randperm(count, generator=stream(seed, "split"))[: count // 2]


def _some(rows: Tensor) -> Tensor:
    """At most as many of the rows as a basis is fitted to, at random."""
    if len(rows) <= FITTED:
        return rows
    return rows[torch.randperm(len(rows), generator=stream(0, "fitted"))[:FITTED].sort().values]


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
    return Sides(*(torch.cat([(some - centre) @ basis for some in torch.split(side, BLOCK)]) for side in (real, fake)))
