r"""How many modes a sample covers, and how evenly.

From counts :math:`n_k` of N samples over K modes with law :math:`p_k`:

.. math:: KL = \sum_k \hat q_k \log \frac{\hat q_k}{p_k}, \quad \hat q_k = n_k / N, \qquad
          E[KL] \approx \frac{K - 1}{2N} \text{ for a perfect sampler (Miller-Madow)}

so *excess* KL is ``KL - (K - 1) / 2N`` and *effective modes* are ``K exp(-KL)``. A classifier that reads one digit in
a hundred wrongly scatters samples into modes that are not there: counting every mode with one sample reads 900 true
modes as 948. Hence a minimum of 5 samples, and counts unfolded by the classifier's confusion matrix beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from ..core.records import Score
from .usable import usable_count, usable_values

Array = NDArray[np.float64]
MINIMUM = 5
DRAWS = 200
FEW = f"Most rare modes are expected fewer than {MINIMUM} times: read the groups, not single modes."


def mode_coverage(
    counts: ArrayLike, law: ArrayLike, *, minimum: int = MINIMUM, confusion: ArrayLike | None = None, seed: int = 0
) -> Score:
    """Number of modes with at least ``minimum`` samples.

    Args:
        counts: samples per mode, ``(K,)``, or ``(C, C, ...)`` with an axis for each channel.
        law: probability of each mode in the data, of the same shape.
        minimum: samples that a mode needs to count.
        confusion: counts ``(C, C)`` of the classifier on test data, rows true and columns read; with it the
            detail holds the number of modes after unfolding.
        seed: of the bootstrap.

    Returns:
        Score with a bootstrap interval; detail: raw (at least one sample), corrected, missing modes, counts, law.

    Raises:
        ValueError: no samples, counts that are not whole, a law without mass or of another shape, or a negative value.
    """
    table, probability = _tables(counts, law)
    total, minimum = int(table.sum()), usable_count(minimum, "minimum")
    drawn = _bootstrap(table, seed)
    covered = int((table >= minimum).sum())
    detail: dict[str, Any] = {
        "raw": int((table >= 1).sum()),
        "minimum": minimum,
        "shape": list(table.shape),
        "counts": table.astype(int).ravel().tolist(),
        "law": probability.ravel().tolist(),
        "missing": np.flatnonzero(table.ravel() < minimum).tolist(),
    }
    if confusion is not None:
        detail["corrected"] = int((unfold(table, confusion) >= minimum).sum())
    warnings = []
    if total * probability.min() < minimum:
        warnings.append(f"The rarest mode is expected {total * probability.min():.1f} times: too few to be counted on.")
    interval = np.quantile((drawn >= minimum).reshape(DRAWS, -1).sum(1), [0.025, 0.975])
    low, high = min(covered, int(interval[0])), max(covered, int(interval[1]))
    return Score("modes", covered, (low, high), n_fake=total, detail=detail, warnings=tuple(warnings))


def mode_kl(counts: ArrayLike, law: ArrayLike, *, reference: str = "training labels", seed: int = 0) -> Score:
    """KL divergence of the samples' modes from a law, in natural logarithms.

    Args:
        counts: as for :func:`mode_coverage`.
        law: the reference, of the same shape.
        reference: what the law is, for the certificate.
        seed: of the simulated floor and the bootstrap.

    Returns:
        Score; the interval is the bootstrap's, shifted by its own bias (None where the KL is infinite). Detail:
        excess, effective modes, the floor (what a perfect sampler of this size shows), and for several channels the
        share of each channel's frequencies (``marginals``) and of missing combinations (``rest``).

    Raises:
        ValueError: as :func:`mode_coverage`.
    """
    table, probability = _tables(counts, law)
    total = int(table.sum())
    value = _kl(table, probability)
    perfect = np.random.default_rng(seed).multinomial(total, probability.ravel(), DRAWS)
    floor = float(np.mean([_kl(draw.reshape(table.shape), probability) for draw in perfect]))
    marginals, marginal_counts = _marginals(table, probability)
    detail = {
        "excess": value - (table.size - 1) / (2 * total),
        "effective_modes": table.size * float(np.exp(-value)),
        "floor": floor,
        "floor_miller_madow": (table.size - 1) / (2 * total),
        "marginals": marginals,
        "marginal_counts": marginal_counts,
        "rest": value - sum(marginals),
    }
    interval = None
    if np.isfinite(value):
        resampled = np.array([_kl(draw, probability) for draw in _bootstrap(table, seed)])
        spread = np.quantile(resampled - resampled.mean(), [0.025, 0.975])
        interval = (max(0.0, value + float(spread[0])), value + float(spread[1]))
    return Score("kl", value, interval, n_fake=total, certificate={"reference": reference}, detail=detail)


def rare_modes(
    counts: ArrayLike, law: ArrayLike, *, rare_class: int, total: int | None = None, rates: ArrayLike | None = None
) -> Score:
    """How well the modes are covered that contain a rare class in any channel.

    A class rarer than the classifier's errors is mostly read where there is none. So samples may be left out whose
    reading is unsure, if ``rates`` say how many real examples that concerns.

    Args:
        counts: ``(C, C, ...)``, an axis for each channel, of the samples that count.
        law: of the same shape.
        rare_class: the class.
        total: samples drawn; by default all count.
        rates: share of a class's real examples (row) that count and are read as another (column), ``(C, C)``, or none.

    Returns:
        Score: the samples in these modes over the number that a perfect sampler shows, with an exact Poisson interval
        (Garwood 1936). Detail: the same without those that are misread (``corrected``), the ratio that a sampler
        without the class would show (``by_misreading``), the modes that reach half of their number, and the smallest
        ratio of a group of modes with the class in one channel and one given class in another; and a perfect sampler's.

    Raises:
        ValueError: as :func:`mode_coverage`, or nothing can be expected of the class.
    """
    table, probability = _tables(counts, law)
    rare = (np.indices(table.shape) == rare_class).any(axis=0)
    read = np.eye(table.shape[0]) if rates is None else _square(rates, "rates", table)
    total = int(table.sum()) if total is None else usable_count(total, "total")
    drawn = probability * total
    rightly, misread = (float(_through(np.where(part, drawn, 0.0), read)[rare].sum()) for part in (rare, ~rare))
    seen, due, expected = float(table[rare].sum()), rightly + misread, _through(drawn, read)
    if rightly == 0:
        raise ValueError(f"rare_class: nothing can be expected of class {rare_class} by the law and the rates")
    detail = {"seen": seen, "expected": due, "modes": int(rare.sum())}
    detail |= {"corrected": max(0.0, (seen - misread) / rightly), "by_misreading": misread / due}
    detail |= _mode_by_mode(table, expected, rare, rare_class)
    low, high = chi2.ppf(0.025, 2 * seen) / 2 if seen else 0.0, chi2.ppf(0.975, 2 * seen + 2) / 2
    warnings = (FEW,) if detail["expected_per_mode"] < MINIMUM else ()
    interval = (float(low) / due, float(high) / due)
    return Score("rare_modes", seen / due, interval, n_fake=total, detail=detail, warnings=warnings)


def _mode_by_mode(table: Array, expected: Array, rare: NDArray[np.bool_], rare_class: int) -> dict[str, float]:
    """How evenly the rare modes have their samples, beside what a perfect sampler shows."""
    rare = rare & (expected > 0)
    perfect = np.random.default_rng(0).poisson(expected, (DRAWS, *expected.shape)).astype(np.float64)
    return {
        "expected_per_mode": float(np.median(expected[rare])),
        "covered_at_half": int((table[rare] >= 0.5 * expected[rare]).sum()),
        "covered_at_half_perfect": float((perfect[:, rare] >= 0.5 * expected[rare]).sum(1).mean()),
        "smallest_group_ratio": _smallest_group(table, expected, rare_class),
        "smallest_group_ratio_perfect": float(np.mean([_smallest_group(d, expected, rare_class) for d in perfect])),
    }


def unfold(counts: ArrayLike, confusion: ArrayLike, *, rounds: int = 50) -> Array:
    """Counts of true modes, estimated from the modes that an imperfect classifier read.

    The classifier reads each channel by itself, so a mode is read through the product of its confusion matrices.
    Richardson-Lucy iterations climb the likelihood of the read counts (Richardson 1972; expectation-maximisation).

    Args:
        counts: ``(C, C, ...)`` as read.
        confusion: ``(C, C)`` counts, rows true and columns read; a class without test images counts as read rightly.
        rounds: of the iteration.

    Returns:
        Non-negative counts of the same shape and sum.

    Raises:
        ValueError: values that are negative or not finite, or a confusion of another number of classes.
    """
    read = usable_values(counts, "counts", "numbers", axes=None, least=0)
    matrix = _rates(_square(confusion, "confusion", read))
    true = np.full_like(read, read.sum() / read.size)
    for _ in range(rounds):
        predicted = _through(true, matrix)
        ratio = np.divide(read, predicted, out=np.zeros_like(read), where=predicted > 0)
        true = true * _through(ratio, matrix.T)
    return true


def _square(values: ArrayLike, name: str, table: Array) -> Array:
    matrix = usable_values(values, name, "numbers", axes=2, least=0)
    if {*matrix.shape, *table.shape} != {len(matrix)}:
        raise ValueError(f"{name}: need (C, C) for counts (C, C, ...) of {table.shape}, not {matrix.shape}")
    return matrix


def _rates(matrix: Array) -> Array:
    matrix = matrix + np.diag(matrix.sum(axis=1) == 0)
    rates: Array = matrix / matrix.sum(axis=1, keepdims=True)
    return rates


def _through(table: Array, matrix: Array) -> Array:
    for _ in range(table.ndim):
        table = np.tensordot(table, matrix, axes=(0, 0))  # consumes the first axis, appends it read
    return table


def _tables(counts: ArrayLike, law: ArrayLike) -> tuple[Array, Array]:
    table = usable_values(counts, "counts", "numbers", axes=None, least=0)
    probability = usable_values(law, "law", "numbers", axes=None, least=0)
    if table.sum() <= 0 or (table != np.floor(table)).any():
        raise ValueError("counts: need whole numbers and at least one sample")
    if probability.shape != table.shape or probability.sum() <= 0:
        raise ValueError(f"law: need the shape of the counts, {table.shape}, and some mass, not {probability.shape}")
    return table, probability / probability.sum()


def _kl(table: Array, probability: Array) -> float:
    share = table / table.sum()
    seen = share > 0
    with np.errstate(divide="ignore"):
        return max(0.0, float(np.sum(share[seen] * np.log(share[seen] / probability[seen]))))


def _marginals(table: Array, probability: Array) -> tuple[list[float], list[list[int]]]:
    if table.ndim == 1:
        return [], []
    divergences, counts = [], []
    for axis in range(table.ndim):
        others = tuple(k for k in range(table.ndim) if k != axis)
        divergences.append(_kl(table.sum(others), probability.sum(others)))
        counts.append(table.sum(others).astype(int).tolist())
    return divergences, counts


def _bootstrap(table: Array, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(int(table.sum()), (table / table.sum()).ravel(), DRAWS)
    return drawn.reshape(DRAWS, *table.shape).astype(np.float64)


def _smallest_group(table: Array, expected: Array, rare_class: int) -> float:
    due = _groups(expected, rare_class)
    return float((_groups(table, rare_class)[due > 0] / due[due > 0]).min())


def _groups(table: Array, rare_class: int) -> Array:
    """Totals of the groups of modes that hold the rare class; with one channel that is a single mode."""
    if table.ndim == 1:
        return table[[rare_class]]
    totals = []
    for axis in range(table.ndim):
        held = np.take(table, rare_class, axis)
        for other in range(held.ndim):
            rest = tuple(k for k in range(held.ndim) if k != other)
            totals.append(np.delete(held.sum(rest), rare_class))
    return np.concatenate(totals)
