"""How different the samples of one condition are from each other.

A conditional generator can give every condition one good answer and none other: precision and distance to the data do
not mind. The mean distance of pairs within a condition does (Zhu et al. 2017, section 4; there in LPIPS).
"""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike

from ..core.records import Score
from .usable import usable


def diversity(fake: ArrayLike, conditions: ArrayLike) -> Score:
    """Mean distance of pairs of samples with the same condition.

    Args:
        fake: features ``(n, D)``.
        conditions: ``(n,)`` whole numbers.

    Returns:
        Score, each condition weighed alike, with a normal interval over conditions where there are several; detail:
        ``conditions`` and ``each``, their values.

    Raises:
        ValueError: no condition has two samples, the lengths differ, conditions are no whole numbers, or NaN.
    """
    features = usable(fake, "fake").double()
    labels = torch.as_tensor(conditions).cpu()
    if labels.shape != features.shape[:1] or labels.is_floating_point():
        raise ValueError(f"conditions: need whole numbers ({len(features)},), not {labels.dtype} {tuple(labels.shape)}")
    names, each = [], []
    for label in sorted(set(labels.tolist())):
        points = features[labels == label]
        if len(points) > 1:
            names.append(label)
            each.append(float(torch.nn.functional.pdist(points).mean()))
    if not each:
        raise ValueError("no condition has two samples")
    values = torch.tensor(each, dtype=torch.float64)
    value = float(values.mean())
    error = 1.96 * float(values.std()) / len(each) ** 0.5 if len(each) > 1 else None
    interval = None if error is None else (max(0.0, value - error), value + error)
    detail = {"conditions": names, "each": each}
    return Score("diversity", value, interval, n_fake=len(features), detail=detail)
