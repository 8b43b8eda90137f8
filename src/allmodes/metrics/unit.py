"""The unit in which sets are binned and searched: what is found must not depend on that of the features."""

from __future__ import annotations

import math

import torch
from torch import Tensor

GRID = 2.0**20  # places of the origin in a unit: to subtract it rounds no numbers of up to 20 bits, so ties stay ties


def own_unit(*sets: Tensor) -> float:
    """The power of two just below the largest absolute value: to divide by it rounds nothing."""
    largest = max(abs(float(end)) for rows in sets for end in rows.aminmax())
    smallest = max(torch.finfo(rows.dtype).tiny for rows in sets)
    return float(2.0 ** (math.frexp(max(largest, smallest))[1] - 1))


def in_own_unit(*sets: Tensor) -> list[Tensor]:
    """Sets of features over their unit and from about the mean of the first, so that squares are in range.

    The ratios of all distances stay as they are.

    Args:
        sets: finite ``(n, D)``.

    Returns:
        The same sets in one dtype, float64 if any is, in memory of their own.
    """
    exact = torch.float64 if any(rows.dtype == torch.float64 for rows in sets) else torch.float32
    unit = own_unit(*sets)
    scaled = [rows.to(exact) / unit for rows in sets]
    origin = (scaled[0].mean(0, dtype=torch.float64) * GRID).round().div(GRID).to(exact)
    return [rows.sub_(origin) for rows in scaled]
