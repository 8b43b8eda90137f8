r"""Frechet distance between Gaussians fitted to two sets of features (Heusel et al. 2017).

.. math::
   |\mu_r - \mu_f|^2 + \mathrm{tr}\big(\Sigma_r + \Sigma_f - 2 (\Sigma_r^{1/2} \Sigma_f \Sigma_r^{1/2})^{1/2}\big)

It is called FID only in the standard Inception features. It grows as samples become fewer, so figures of different
sample sizes must not be compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.records import Score

Array = NDArray[np.float64]
HALVES = 10
LEAST = 8  # samples whose halves still have a spread


def frechet_distance(real: ArrayLike, fake: ArrayLike, *, seed: int = 0) -> Score:
    """Squared Frechet distance of two sets of features.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.
        seed: of the half samples that the interval comes from.

    Returns:
        Score; the interval is 1.96 standard errors, estimated from pairs of halves of the samples; None for fewer
        than eight samples.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.
    """
    first, second = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise ValueError(f"need two sets (n >= 2, D) of equal D, not {first.shape} and {second.shape}")
    reference = _moments(first)
    value = _distance(reference, _moments(second))
    interval = None
    if len(second) >= LEAST:
        error = _standard_error(reference, second, seed)
        interval = (max(0.0, value - 1.96 * error), value + 1.96 * error)
    warnings: tuple[str, ...] = ()
    if min(len(first), len(second)) <= first.shape[1]:
        warnings = (f"Fewer examples than the {first.shape[1]} feature dimensions: the covariance is singular.",)
    return Score("frechet_distance", value, interval, n_real=len(first), n_fake=len(second), warnings=warnings)


def _moments(features: Array) -> tuple[Array, Array]:
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def _distance(first: tuple[Array, Array], second: tuple[Array, Array]) -> float:
    """The trace of the root of the product, from the eigenvalues of a symmetric matrix."""
    values, vectors = np.linalg.eigh(first[1])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second[1] @ root), 0, None)).sum()
    shift = float(((first[0] - second[0]) ** 2).sum())
    return max(0.0, float(shift + np.trace(first[1]) + np.trace(second[1]) - 2 * cross))


def _standard_error(reference: tuple[Array, Array], samples: Array, seed: int) -> float:
    """Halves of one sample differ by sqrt(2) times what samples of half the size vary by; size enters as 1/sqrt(n)."""
    rng = np.random.default_rng(seed)
    differences = []
    for _ in range(HALVES):
        order = rng.permutation(len(samples))
        halves = [_distance(reference, _moments(samples[part])) for part in np.array_split(order, 2)]
        differences.append(halves[0] - halves[1])
    return float(np.sqrt(np.mean(np.square(differences))) / 2)
