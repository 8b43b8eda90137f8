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
Moments = tuple[Array, Array]  # mean (D,), covariance (D, D)
LEAST = 8  # samples whose spread says something
NOTHING = 1e-10  # of the largest eigenvalue: what counts as none


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> Score:
    """Squared Frechet distance of two sets of features.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.

    Returns:
        Score; the interval is 1.96 standard errors from the drawing of the samples, by the distance's derivative
        (Rippl, Munk & Sturm 2016, theorem 2.1); None for fewer than eight samples.

    Raises:
        ValueError: a set has fewer than two rows, or the dimensions differ.
    """
    first, second = np.asarray(real, dtype=np.float64), np.asarray(fake, dtype=np.float64)
    if min(len(first), len(second)) < 2 or first.shape[1:] != second.shape[1:]:
        raise ValueError(f"need two sets (n >= 2, D) of equal D, not {first.shape} and {second.shape}")
    value, slopes = _distance(_moments(first), _moments(second), second)
    error = 1.96 * float(slopes.std(ddof=1)) / len(second) ** 0.5
    interval = (max(0.0, value - error), value + error) if len(second) >= LEAST else None
    warnings: tuple[str, ...] = ()
    if min(len(first), len(second)) <= first.shape[1]:
        warnings = (f"Fewer examples than the {first.shape[1]} feature dimensions: the covariance is singular.",)
    return Score("frechet_distance", value, interval, n_real=len(first), n_fake=len(second), warnings=warnings)


def _moments(features: Array) -> Moments:
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def _distance(real: Moments, fake: Moments, samples: Array) -> tuple[float, Array]:
    r"""The distance, and how fast it grows with the weight of each sample, ``(m,)``, but for a constant.

    With :math:`T = \Sigma_r^{1/2} (\Sigma_r^{1/2} \Sigma_f \Sigma_r^{1/2})^{-1/2} \Sigma_r^{1/2}`, which carries the
    samples' Gaussian onto that of the data, a sample y contributes
    :math:`2 (\mu_f - \mu_r)^T y + y^T (I - T) y`, y from the mean of the samples.
    """
    values, vectors = np.linalg.eigh(real[1])
    root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    squares, axes = np.linalg.eigh(root @ fake[1] @ root)
    cross = np.sqrt(np.clip(squares, 0, None))
    shift = fake[0] - real[0]
    value = float(shift @ shift + np.trace(real[1]) + np.trace(fake[1]) - 2 * cross.sum())
    known = squares > NOTHING * squares[-1]
    y = samples - fake[0]
    carried = np.square(y @ (root @ axes[:, known])) @ (1 / cross[known])
    return max(0.0, value), 2 * y @ shift + np.square(y).sum(axis=1) - carried
