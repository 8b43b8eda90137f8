r"""Recall by optimisation of the latent (Metz et al. 2017, section 3.3.3): how near can a generator get to images?

.. math:: d_i = \min_z \sqrt{\operatorname{mean}\,(G(z) - x_i)^2}

Images that it was not trained on say what it can make, and among them those that it cannot, of all the data. The
descent may end in a hollow of its own, so a distance is at most too large; and the latent may leave the bulk of the
prior, so a generator may get near to what it hardly ever makes.

A generator that copies its training images gets as near to an image as the nearest of those is, and no nearer. So that
distance stands beside, and the share of images to which the generator gets nearer: those that it reaches. In pixels a
blurred mean of images is near to all of them; features tell whether what is reached looks like it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.records import Score
from .neighbourhood import share_interval
from .usable import usable_values

Values = NDArray[np.float64]
FEW = 30
TIE = 1e-3  # relative: what is not nearer by more than this is as near


def inversion_distance(distances: ArrayLike, training: ArrayLike | None = None) -> Score:
    """Mean distance of images from what a generator can make.

    Args:
        distances: of each image from the nearest that was found, ``(n,)``.
        training: of each image from the nearest training image other than itself, ``(n,)``, if known.

    Returns:
        Score with a normal interval, None for a single image; detail: ``median``, ``worst``, the ``distances``, and
        ``training``, the mean distance of the training images.

    Raises:
        ValueError: there are none, some are negative or not finite, or the lengths differ.
    """
    values, others = _both(distances, distances if training is None else training)
    mean = float(values.mean())
    error = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else None
    interval = None if error is None else (max(0.0, mean - error), mean + error)
    detail = {"median": float(np.median(values)), "worst": int(values.argmax()), "distances": values.tolist()}
    if training is not None:
        detail["training"] = float(others.mean())
    warnings = () if len(values) >= FEW else (f"Only {len(values)} images: the interval is rough.",)
    return Score("inversion_distance", mean, interval, n_real=len(values), detail=detail, warnings=warnings)


def reached(distances: ArrayLike, training: ArrayLike) -> Score:
    """Share of images to which a generator gets nearer than any training image is.

    Args:
        distances: of each image from what the generator makes, ``(n,)``.
        training: of each image from the nearest training image other than itself, ``(n,)``.

    Returns:
        Score with the interval of a share; detail: ``missed``, the images that are not reached.

    Raises:
        ValueError: there are none, some are negative or not finite, or the lengths differ.
    """
    near = nearer(distances, training)
    missed = np.flatnonzero(~near).tolist()
    interval = share_interval(int(near.sum()), len(near))
    return Score("reached", float(near.mean()), interval, n_real=len(near), detail={"missed": missed})


def nearer(distances: ArrayLike, training: ArrayLike) -> NDArray[np.bool_]:
    """Which images something is nearer to than any training image is, ``(n,)``; arguments and errors as above."""
    ours, theirs = _both(distances, training)
    return np.asarray(ours < (1 - TIE) * theirs)


def _both(distances: ArrayLike, training: ArrayLike) -> tuple[Values, Values]:
    """Both, float64 ``(n,)``, checked."""
    ours, theirs = usable_values(distances, "distances", least=0), usable_values(training, "training", least=0)
    if ours.shape != theirs.shape:
        raise ValueError(f"distances and training: need one of each for every image, not {len(ours)} and {len(theirs)}")
    return ours, theirs
