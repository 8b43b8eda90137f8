"""Which arrays a metric takes, and what it says of the others."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.metrics.usable import usable, usable_count, usable_pair, usable_values

POINTS = np.arange(12.0).reshape(4, 3)


def with_value(value: float, row: int = 2) -> np.ndarray:
    points = POINTS.copy()
    points[row, 1] = value
    return points


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint8, np.int16, np.bool_])
def test_what_float32_holds_becomes_float32(dtype: Any) -> None:
    found = usable(POINTS.astype(dtype), "real")
    assert found.dtype == torch.float32
    assert found.tolist() == POINTS.astype(dtype).astype(float).tolist()


@pytest.mark.parametrize(
    "value", [np.float64(1 + 1e-12), np.int64(2**31 + 1), np.uint32(2**32 - 1), np.longdouble(3.5)]
)
def test_what_float32_would_round_stays_whole(value: Any) -> None:
    found = usable(np.full((4, 3), value), "real")
    assert found.dtype == torch.float64
    assert found[0, 0].item() == float(value)


@pytest.mark.parametrize(
    "rows",
    [
        POINTS.tolist(),
        np.asfortranarray(POINTS),
        POINTS[::-1][::-1],
        POINTS[:, ::-1][:, ::-1],
        POINTS.astype(">f8"),
        torch.from_numpy(POINTS.T.copy()).T,
        torch.from_numpy(POINTS).requires_grad_(),
        torch.from_numpy(POINTS).bfloat16(),
    ],
)
def test_layouts_and_kinds_of_arrays_are_alike(rows: Any) -> None:
    assert usable(rows, "real").tolist() == POINTS.tolist()


def test_the_two_sides_get_one_dtype() -> None:
    found = usable_pair(POINTS.astype(np.float32), POINTS[:2])
    assert [x.dtype for x in found] == [torch.float64] * 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (np.zeros(4), "real: need features (n, D) with D of at least 1, not an array of (4,)"),
        (np.zeros((4, 3, 2)), "real: need features (n, D) with D of at least 1, not an array of (4, 3, 2)"),
        (np.zeros((4, 0)), "real: need features (n, D) with D of at least 1, not an array of (4, 0)"),
        (np.zeros((0, 3)), "real: need at least 2 examples, not 0"),
        (np.zeros((1, 3)), "real: need at least 2 examples, not 1"),
        (with_value(np.nan), "real: row 2 has NaN; all numbers must be finite"),
        (with_value(-np.inf), "real: row 2 has infinity; all numbers must be finite"),
        (with_value(1e200), "real: row 2 has a value above 1e+150; numbers must be at most 1e+150"),
        (with_value(np.inf) + with_value(-np.inf, row=3), "real: row 2 has infinity, and 1 further rows have"),
        (np.zeros((4, 3), dtype=complex), "real: need an array of real numbers: not complex128"),
        (np.full((4, 3), "x"), "real: need an array of real numbers: not <U1"),
        ([[1.0, 2.0], [3.0]], "real: need an array of real numbers: "),
        (torch.zeros(4, 3, dtype=torch.complex64), "real: need an array of real numbers: not torch.complex64"),
        (np.ma.masked_invalid(with_value(np.nan)), "real: need numbers without a mask"),
    ],
)
def test_what_is_refused_is_said(rows: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        usable(rows, "real", least=2)


def test_finite_numbers_whose_sum_overflows_are_taken() -> None:
    huge = np.full((4, 3), 3e38, dtype=np.float32)
    assert usable(huge, "real").tolist() == huge.tolist()
    with pytest.raises(ValueError, match="row 3 has infinity"):
        usable(np.concatenate([huge[:3], [[0, np.inf, 0]]]).astype(np.float32), "real")


def test_both_sides_and_their_words() -> None:
    with pytest.raises(ValueError, match=r"^heldout: row 2 has NaN"):
        usable_pair(POINTS, with_value(np.nan), ("train", "heldout"))
    with pytest.raises(ValueError, match=r"^train and heldout: need features of equal D, not 3 and 2$"):
        usable_pair(POINTS, POINTS[:, :2], ("train", "heldout"))


@pytest.mark.parametrize("k", [0, -1, 1.5, "3"])
def test_k_is_a_whole_number(k: Any) -> None:
    with pytest.raises(ValueError, match=r"^k must be a whole number of at least 1, not "):
        usable_pair(POINTS, POINTS, k=k)


def test_k_is_smaller_than_both_sets() -> None:
    usable_pair(POINTS, POINTS, k=np.int64(3))
    with pytest.raises(ValueError, match=r"^fake: need at least 4 examples for k = 3, not 3$"):
        usable_pair(POINTS, POINTS[:3], k=3)
    assert usable_count(0, "round", least=0) == 0


def test_values_that_are_no_features() -> None:
    assert usable_values([1, 2, 3], "samples").dtype == np.float64
    with pytest.raises(ValueError, match=r"^samples: need distances \(n,\), at least one, not an array of \(0,\)$"):
        usable_values([], "samples")
    with pytest.raises(ValueError, match=r"^walks: row 1 has NaN"):
        usable_values([[1, 2], [np.nan, 1]], "walks", axes=2)
    with pytest.raises(ValueError, match=r"^samples: row 1 has NaN"):
        usable_values([1, np.nan], "samples")
