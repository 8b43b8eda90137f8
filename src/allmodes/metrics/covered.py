r"""Which training images can be seen among the samples? For sets so small that each image counts.

An image is covered where some sample is nearer to it than any other training image is:

.. math:: \frac{1}{n} \sum_i \Big[ \min_j d(x_i, g_j) < \min_{k \ne i} d(x_i, x_k) \Big]

The coverage of Naeem et al. (2020) asks for the k-th nearest training image, and calls an image covered by samples of
its neighbours: among alike images a generator of half of them covers all. Samples of the data's own law cover
:math:`m / (n - 1 + m)` of them, since of all others each is the nearest as likely; a generator that replays m images of
n alike covers no others.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..core.records import Score
from ..search import Exact
from .inversion import nearer
from .neighbourhood import Features, share_interval


def covered(train: ArrayLike, fake: ArrayLike) -> Score:
    """Share of the training images that some sample is nearer to than any other training image is.

    Args:
        train: ``(n, D)``.
        fake: ``(m, D)``.

    Returns:
        Score with the interval of a share; detail: ``missed``, the images that are not, and ``expected``, the share
        for samples of the data's own law.

    Raises:
        ValueError: fewer than two of either, NaN, or different dimensions.
    """
    both = Features.of(train, fake, ("train", "fake"))
    data, samples = Exact(both.real.shape[1]), Exact(both.real.shape[1])
    data.add(both.real, borrow=True)
    samples.add(both.fake, borrow=True)
    near = nearer(samples.query(both.real).distances[:, 0], data.query(both.real, 2).distances[:, 1])
    n, m = len(both.real), len(both.fake)
    detail = {"missed": (~near).nonzero()[0].tolist(), "expected": m / (n - 1 + m)}
    return Score("covered", float(near.mean()), share_interval(int(near.sum()), n), n, m, detail=detail)
