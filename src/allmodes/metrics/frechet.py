r"""Frechet distance between Gaussians fitted to two sets of features (Heusel et al. 2017).

.. math::
   |\mu_r - \mu_f|^2 + \mathrm{tr}\big(\Sigma_r + \Sigma_f - 2 (\Sigma_r^{1/2} \Sigma_f \Sigma_r^{1/2})^{1/2}\big)

It is called FID only in the standard Inception features. It grows as samples become fewer, so figures of different
sample sizes must not be compared.

With centred examples as the rows of A and B, each over the root of its degrees of freedom, the last trace is the sum
of the singular values of :math:`A B^T`, since :math:`\Sigma_r \Sigma_f = A^T A B^T B`. So features of more dimensions
than there are examples cost as many eigenvalues as there are examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..core.records import Score
from .unit import own_unit
from .usable import usable_pair

LEAST = 8  # samples whose spread says something
NOTHING = 1e-10  # of the largest eigenvalue: what counts as none
COLUMNS = 2_048  # dimensions in double precision at once
ROWS = 4_096  # examples in double precision at once
ORDINARY = 2.0**24  # largest absolute values between this and its inverse, whose fourth powers are not out of range
SPREAD = 2_000  # examples of either side whose spread makes the interval, where dimensions outnumber them


def frechet_distance(real: ArrayLike, fake: ArrayLike) -> Score:
    """Squared Frechet distance of two sets of features.

    Args:
        real: ``(n, D)``.
        fake: ``(m, D)``.

    Returns:
        Score; the interval is 1.96 standard errors from the drawing of the samples, by the distance's derivative
        (Rippl, Munk & Sturm 2016, theorem 2.1); None for fewer than eight samples. Where dimensions outnumber many
        examples it is rather too wide.

    Raises:
        ValueError: a set has fewer than two rows, NaN or infinity, or the dimensions differ.
    """
    first, second = usable_pair(real, fake)
    unit = own_unit(first, second)
    if 1 / ORDINARY < unit < ORDINARY:
        unit = 1.0
    else:
        first, second = first / unit, second / unit
    wide = first.shape[1] > min(len(first), len(second))
    value, slopes = (_by_examples if wide else _by_dimensions)(first, second)
    value, error = value * unit**2, 1.96 * float(slopes.std()) / len(second) ** 0.5 * unit**2
    interval = (max(0.0, value - error), value + error) if len(second) >= LEAST else None
    warnings: tuple[str, ...] = ()
    if min(len(first), len(second)) <= first.shape[1]:
        warnings = (f"Fewer examples than the {first.shape[1]} feature dimensions: the covariance is singular.",)
    return Score("frechet_distance", value, interval, n_real=len(first), n_fake=len(second), warnings=warnings)


def _by_dimensions(real: Tensor, fake: Tensor) -> tuple[float, Tensor]:
    r"""The distance, and how fast it grows with the weight of each sample, ``(m,)``, but for a constant.

    With :math:`T = \Sigma_r^{1/2} (\Sigma_r^{1/2} \Sigma_f \Sigma_r^{1/2})^{-1/2} \Sigma_r^{1/2}`, which carries the
    samples' Gaussian onto that of the data, a sample y contributes
    :math:`2 (\mu_f - \mu_r)^T y + y^T (I - T) y`, y from the mean of the samples.
    """
    ours, theirs = _Moments.of(real), _Moments.of(fake)
    shift = theirs.mean - ours.mean
    values, vectors = torch.linalg.eigh(ours.covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    squares, axes = torch.linalg.eigh(root @ theirs.covariance @ root)
    cross = squares.clamp(min=0).sqrt()
    value = float(shift @ shift + ours.covariance.trace() + theirs.covariance.trace() - 2 * cross.sum())
    known = squares > NOTHING * squares[-1]
    carrying, weight = root @ axes[:, known], 1 / cross[known]
    slopes = [2 * y @ shift + y.square().sum(1) - (y @ carrying).square() @ weight for y in _from(theirs.mean, fake)]
    return max(0.0, value), torch.cat(slopes)


@dataclass(frozen=True)
class _Moments:
    """Mean ``(D,)`` and covariance ``(D, D)``, float64."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> _Moments:
        """Of examples ``(n, D)``, some of which are in double precision at a time."""
        mean = rows.mean(0, dtype=torch.float64)
        squares = torch.zeros(len(mean), len(mean), dtype=torch.float64)
        for part in _from(mean, rows):
            squares.addmm_(part.T, part)
        return cls(mean, squares / (len(rows) - 1))


def _from(mean: Tensor, rows: Tensor) -> Iterator[Tensor]:
    """The rows from their mean, float64 ``(b, D)``, some at a time."""
    return (part.double() - mean for part in torch.split(rows, ROWS))


def _by_examples(real: Tensor, fake: Tensor) -> tuple[float, Tensor]:
    r"""The same by singular values :math:`A B^T = U S V^T`, where :math:`y_j^T T y_j = (m - 1) (V S V^T)_{jj}`.

    Of many examples, the growth is worked out among some of either side. Fewer of them vary more, so the interval is
    rather too wide.
    """
    product, slopes, value = _products(real, fake)
    n, m = product.shape
    gram = product @ product.T if n < m else product.T @ product
    if len(gram) > SPREAD:
        cross = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
        some = (rows[torch.linspace(0, len(rows) - 1, SPREAD).long()] for rows in (real, fake))
        return max(0.0, value - 2 * float(cross.sum())), _by_examples(*some)[1]
    squares, axes = torch.linalg.eigh(gram)
    cross = squares.clamp(min=0).sqrt()
    known = squares > NOTHING * squares[-1]
    right = product.T @ axes[:, known] / cross[known] if n < m else axes[:, known]
    return max(0.0, value - 2 * float(cross.sum())), slopes - (m - 1) * (right.square() @ cross[known])


def _products(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor, float]:
    """:math:`A B^T` ``(n, m)``; of the growth and of the distance what does not depend on it, ``(m,)`` and a number.

    What is multiplied is as exact as the features are.
    """
    n, m = len(real), len(fake)
    product, slopes, value = torch.zeros(n, m, dtype=torch.float64), torch.zeros(m, dtype=torch.float64), 0.0
    for x, y in zip(torch.split(real, COLUMNS, 1), torch.split(fake, COLUMNS, 1), strict=True):
        x, y = x.double(), y.double()
        shift = y.mean(0) - x.mean(0)
        x, y = x - x.mean(0), y - y.mean(0)
        product += x.to(real.dtype) @ y.to(real.dtype).T
        squares = y.square().sum(1)
        slopes += 2 * y @ shift + squares
        value += float(shift @ shift + x.square().sum() / (n - 1) + squares.sum() / (m - 1))
    return product.div_(((n - 1) * (m - 1)) ** 0.5), slopes, value
