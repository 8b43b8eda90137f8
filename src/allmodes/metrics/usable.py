"""What a metric may be given: every metric asks here, so all refuse the same input in the same words.

A value that is not finite makes some figures NaN and others plausible; so it is named, with its side and row, before
anything is computed. Nothing is rounded: what is given in more than 32 bits stays in float64.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

SINGLE = {torch.float32, torch.float16, torch.bfloat16, torch.bool, torch.uint8, torch.int8, torch.int16}
LARGEST = 1e150  # what float64 can square and sum over all dimensions


def usable(rows: ArrayLike, side: str, *, least: int = 1, k: int | None = None) -> Tensor:
    """One set of features, checked.

    Args:
        rows: numbers ``(n, D)``, an array or a tensor on any device.
        side: what messages call the set, such as ``"real"``.
        least: rows that it must have.
        k: neighbours that are asked of each row, if any are; the set must have more rows than that.

    Returns:
        ``(n, D)`` on the CPU, float32 where that holds every value given, else float64; its memory may be the caller's.

    Raises:
        ValueError: another shape, D = 0, too few rows, ``k`` below 1, or a value that is no number, NaN, infinite, or
            too large to be squared.
    """
    least, why = (least, "") if k is None else (max(least, usable_count(k, "k") + 1), f" for k = {k}")
    features = _tensor(rows, side)
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{side}: need features (n, D) with D of at least 1, not an array of {tuple(features.shape)}")
    if len(features) < least:
        raise ValueError(
            f"{side}: need at least {least} {'examples' if least > 1 else 'example'}{why}, not {len(features)}"
        )
    _check_finite(features, side)
    return features


def usable_pair(
    first: ArrayLike,
    second: ArrayLike,
    sides: tuple[str, str] = ("real", "fake"),
    *,
    least: int = 2,
    k: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Two sets of features of equal D, checked.

    Args:
        first: ``(n, D)``.
        second: ``(m, D)``.
        sides: what messages call them.
        least: rows that each must have.
        k: as in :func:`usable`, for both.

    Returns:
        ``(n, D)`` and ``(m, D)`` of one dtype, as :func:`usable` returns them.

    Raises:
        ValueError: as :func:`usable` does, or the two differ in D.
    """
    x, y = (usable(rows, side, least=least, k=k) for rows, side in zip((first, second), sides, strict=True))
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{sides[0]} and {sides[1]}: need features of equal D, not {x.shape[1]} and {y.shape[1]}")
    exact = torch.promote_types(x.dtype, y.dtype)
    return x.to(exact), y.to(exact)


def usable_values(
    values: ArrayLike, side: str, what: str = "distances", *, axes: int | None = 1, least: float = -np.inf
) -> NDArray[np.float64]:
    """Numbers that are not features, such as distances or shares, checked: at least one, and all finite.

    Args:
        values: of as many axes as ``axes``.
        side: whose they are, for messages.
        what: they are.
        axes: 1 for ``(n,)``, 2 for ``(n, T)``, None for any number.
        least: that they may be.

    Returns:
        float64, in the shape given.

    Raises:
        ValueError: another number of axes, no values, or one that is no number, NaN, infinite or less than ``least``.
    """
    found = _tensor(values, side)
    if (axes and found.ndim != axes) or not found.ndim or not found.numel():
        shape = {1: "(n,)", 2: "(n, T)"}.get(axes or 0, "(n, ...)")
        raise ValueError(f"{side}: need {what} {shape}, at least one, not an array of {tuple(found.shape)}")
    _check_finite(found, side)
    small = (found < least).nonzero()
    if len(small):
        raise ValueError(f"{side}: row {int(small[0, 0])} has a value below {least:g}; {what} must not")
    return found.double().numpy()


def usable_count(value: int, name: str, *, least: int = 1) -> int:
    """A whole number of at least ``least``, such as k or a number of bins.

    Raises:
        ValueError: it is another.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return count


def _tensor(values: ArrayLike, side: str) -> Tensor:
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{side}: need numbers without a mask: fill or leave out what is masked")
    if not isinstance(values, Tensor):
        try:
            array = np.asarray(values)
            if array.dtype.kind not in "biuf":
                raise TypeError(f"not {array.dtype}")
            native = array.astype(np.float64) if array.dtype.kind == "f" and array.itemsize > 8 else array
            values = torch.from_numpy(np.ascontiguousarray(native, dtype=native.dtype.newbyteorder("=")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{side}: need an array of real numbers: {error}") from error
    if values.is_complex():
        raise ValueError(f"{side}: need an array of real numbers: not {values.dtype}")
    exact = torch.float32 if values.dtype in SINGLE else torch.float64
    return values.detach().to("cpu", exact).contiguous()


def _check_finite(values: Tensor, side: str) -> None:
    """Refuse, by the first row that has one, a value that is not finite; where all are, that costs one pass."""
    single = values.dtype == torch.float32
    if math.isfinite(values.sum().item()) and (
        single or max(map(abs, torch.stack(values.aminmax()).tolist())) <= LARGEST
    ):
        return
    kinds = {"NaN": values.isnan(), "infinity": values.isinf(), f"a value above {LARGEST:g}": values.abs() > LARGEST}
    for what, unusable in kinds.items():
        rows = unusable.reshape(len(values), -1).any(1).nonzero()[:, 0]
        if len(rows):
            limit = (
                f"numbers must be at most {LARGEST:g}" if what.startswith("a value") else "all numbers must be finite"
            )
            others = f", and {len(rows) - 1:,} further rows have" if len(rows) > 1 else ""
            raise ValueError(f"{side}: row {int(rows[0])} has {what}{others}; {limit}")
