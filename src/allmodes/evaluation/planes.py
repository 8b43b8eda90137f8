"""Points of many dimensions on two axes: as they lie (PCA), and who is near whom (t-SNE, van der Maaten & Hinton 2008).

Both look at all points at once, so that two sets on the same axes can be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.progress import working

PERPLEXITY = 30.0  # neighbours that t-SNE keeps near, about
DIGITS = 4


def planes(first: Tensor, second: Tensor, *, seed: int) -> dict[str, Any]:
    """Two sets of points on common axes.

    Args:
        first: ``(n, d)``.
        second: ``(m, d)``.
        seed: of t-SNE.

    Returns:
        ``pca`` and ``tsne``, each with the places of both sets, ``first`` and ``second``; ``explained``: shares of the
        variance along the axes of the former. No ``tsne`` for points of a plane or fewer than ten.
    """
    both = torch.cat([first, second]).double().numpy()
    centred = both - both.mean(0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2, np.abs(axes[:2]).argmax(1)].diagonal())[:, None]  # the same way each time
    total = float((spread**2).sum())
    found: dict[str, Any] = {
        "pca": _split(centred @ axes.T, len(first)),
        "explained": [round(float(value**2 / total), DIGITS) if total else 0.0 for value in spread[:2]],
    }
    if both.shape[1] > 2 and len(both) >= 10:
        found["tsne"] = _split(_tsne(both, seed), len(first))
    return found


def _tsne(points: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE  # not at the top: it takes a second to import

    with working(f"Mapping {len(points):,} latents", 1) as advance:
        perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
        places: NDArray[np.float64] = TSNE(
            perplexity=perplexity, init="pca", random_state=seed, n_jobs=1
        ).fit_transform(points.astype(np.float32))
        advance(1)
    return places


def _split(places: NDArray[np.float64], size: int) -> dict[str, list[list[float]]]:
    return {"first": _rounded(places[:size]), "second": _rounded(places[size:])}


def _rounded(places: NDArray[np.float64]) -> list[list[float]]:
    return [[float(f"{value:.{DIGITS}g}") for value in row] for row in places.tolist()]
