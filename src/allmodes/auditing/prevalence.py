r"""How large is the share of a class, if those who count make mistakes that are known?

Scores :math:`s(x)`, at least one for every class k, have the mean :math:`A_k` among examples of that class. If samples
of a class look like its data, their mean over m samples with shares :math:`\pi` is :math:`\bar s = A \pi`
(Saerens, Latinne & Decaestecker 2002, section 2.3; Lipton, Wang & Smola 2018), and the estimate is

.. math:: \hat\pi = \arg\min_{\pi \ge 0} (\bar s - A \pi)^\top W^{-1} (\bar s - A \pi)

with W the scores' covariance within classes. Where no bound is met it is the mean over samples of
:math:`g(x) = G s(x)`, :math:`G = (A^\top W^{-1} A)^{-1} A^\top W^{-1}`, whose mean is 1 in its own class and 0 in
every other. Its variance has three parts: which classes are drawn, what g varies within a class, and that A is known
from :math:`n_k` examples:

.. math:: V(\pi) = \frac{\pi_l (1 - \pi_l)}{m} + \sum_k \Big(\frac{\hat\pi_k}{m} + \frac{\hat\pi_k^2}{n_k}\Big)
    \mathrm{Var}_k(g_l)

The interval holds all :math:`\pi_l` with :math:`(\hat\pi_l - \pi_l)^2 \le z^2 V`: without mistakes it is Wilson's
(1927).

Samples of a class need not look like its data: blurred ones are taken for another class, all alike. Scores are more
than classes, so this shows: no shares make the mean that is seen. With Q a basis of what is orthogonal to every column
of A, and C the covariance of the misfit :math:`e = Q^\top (\bar s - A \hat\pi)`,

.. math:: \chi^2 = e^\top C^{-1} e, \qquad
    C = Q^\top \sum_k \Big(\frac{\hat\pi_k}{m} + \frac{\hat\pi_k^2}{n_k}\Big) \mathrm{Cov}_k(s) \, Q

has as many degrees of freedom as Q has columns if they do (Hansen 1982). Where it is larger than chance makes it in a
hundredth of cases, V is multiplied by :math:`\chi^2` over these (Birge 1932): what cannot be explained may be in the
shares, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.stats import chi2, norm

from .ratios import Mass

LEAST = 2  # examples of a class, of whose scores a variance is known
POOLED = 5  # examples' worth of the variance within all classes, that the variance within each is drawn to
SINGULAR = 1e4  # ratio of the largest to the smallest direction in which scores tell classes apart
TINY = 1e-4  # of the largest variance
UNLIKE = 0.01  # chance of a misfit, below which samples of a class do not look like its data

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Prevalence(Mass):
    """The share of a class.

    Args:
        widened: how many times as wide its interval is since samples of the classes do not look like their data, about;
            1 where no difference is seen.
    """

    widened: float


def prevalence(
    known: Values, classes: NDArray[np.int64], scores: Values, *, level: float = 0.05
) -> list[Prevalence] | None:
    """The share of every class among samples.

    Args:
        known: scores of examples whose class is known, ``(n, F)``, that the scores were not learnt from.
        classes: their numbers, ``(n,)``, from 0 to K - 1 with at most F of them; of each there are at least two.
        scores: of the samples, ``(m, F)``.
        level: chance that an interval does not hold the share.

    Returns:
        A share with its interval for every class, or None where scores do not tell the classes apart.
    """
    counts = np.bincount(classes).astype(np.float64)
    means = _summed(known, classes) / counts[:, None]
    whiten = _whitening(known - means[classes])
    whitened = means @ whiten
    if np.linalg.cond(whitened) > SINGULAR:
        return None
    untangle = np.linalg.pinv(whitened)  # (F, K)
    within = _within(known @ whiten @ untangle, classes, counts)
    seen, size = scores.mean(0) @ whiten, len(scores)
    share = np.minimum(nnls(whitened.T, seen)[0], 1)
    weight = share / size + share**2 / counts
    noise = weight @ within
    misfit = _misfit(seen - share @ whitened, known @ whiten, classes, weight)
    z2 = float(norm.isf(level / 2) ** 2) * misfit
    middle = share + z2 / (2 * size)
    half = np.sqrt(np.maximum(middle**2 - (1 + z2 / size) * (share**2 - z2 * noise), 0))
    low, high = (np.clip(end / (1 + z2 / size), 0, 1).tolist() for end in (middle - half, middle + half))
    ends = zip(low, high, strict=True)
    return [Prevalence(*each, misfit**0.5) for each in zip(share.tolist(), ends, strict=True)]


def _misfit(missed: Values, known: Values, classes: NDArray[np.int64], weight: Values) -> float:
    """How many times its variance the square of what no shares explain has; 1 where chance may have made it.

    Args:
        missed: of the mean score of the samples, what the shares do not make, ``(F,)``.
        known: scores of examples, ``(n, F)``.
        classes: of these, ``(n,)``.
        weight: what the variance within each class counts for, ``(K,)``.
    """
    counts = np.bincount(classes)
    means = _summed(known, classes) / counts[:, None]
    beyond = np.linalg.svd(means)[2][len(means) :].T  # (F, F - K)
    if beyond.shape[1] == 0:
        return 1.0
    apart, each = (known - means[classes]) @ beyond, weight / (counts - 1 + POOLED)
    pooled = apart.T @ apart / (counts - 1).sum()
    values, axes = np.linalg.eigh((apart * each[classes, None]).T @ apart + POOLED * each.sum() * pooled)
    varied = values > TINY * values[-1]
    freedom = int(varied.sum())
    square = float(((missed @ beyond @ axes)[varied] ** 2 / values[varied]).sum())
    return square / freedom if freedom and chi2.sf(square, freedom) < UNLIKE else 1.0


def _whitening(residuals: Values) -> Values:
    """A root of the inverse of their covariance, ``(F, F)``; what does not vary is held to vary a little."""
    covariance = residuals.T @ residuals / len(residuals)
    values, vectors = np.linalg.eigh(covariance)
    root: Values = vectors / np.sqrt(np.maximum(values, TINY * max(values[-1], TINY)))
    return root


def _summed(values: Values, classes: NDArray[np.int64]) -> Values:
    """The sum over the examples of each class, ``(K, F)``."""
    member: Values = (np.arange(classes.max() + 1)[:, None] == classes).astype(np.float64)
    return member @ values


def _within(values: Values, classes: NDArray[np.int64], counts: Values) -> Values:
    """The variance of every column within every class, ``(K, columns)``, each drawn to that within all."""
    means = _summed(values, classes) / counts[:, None]
    squares = _summed((values - means[classes]) ** 2, classes)
    pooled = squares.sum(0) / (counts - 1).sum()
    within: Values = (squares + POOLED * pooled) / (counts - 1 + POOLED)[:, None]
    return within
