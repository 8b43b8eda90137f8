r"""Is a region's share among the samples below its share in the data, by more than chance?

With :math:`r` of R real examples and :math:`f` of F samples in a region, and equal shares, :math:`f` given
:math:`r + f` is hypergeometric whatever the shares are (Fisher 1935). The level is exact for every region; Benjamini
and Hochberg's correction (1995) keeps it over all regions and resolutions: if nothing is dropped, the chance
that any region is called dropped is at most :math:`\alpha`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, false_discovery_control, hypergeom

ALPHA = 0.05  # chance of calling any part dropped where none is

Counts = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """A part's share among the samples, held against its share in the data.

    Args:
        n_real: examples that count.
        n_fake: samples.
        expected_fake: samples if shares were equal.
        ratio: share among samples over share in the data, None where there are no data.
        ci95: of the ratio; its upper end is None where nothing bounds it.
        p_value: of a share among samples that is no smaller.
        q_value: corrected for the number of parts.
        dropped: smaller by more than chance, and below the fraction asked for.
        view: the feature space that it is a part of.
    """

    n_real: int
    n_fake: int
    expected_fake: float
    ratio: float | None
    ci95: tuple[float, float | None]
    p_value: float
    q_value: float
    dropped: bool
    view: str = ""

    @property
    def tested(self) -> bool:
        """Whether it is one of those that are tested, and corrected for their number."""
        return True

    @property
    def kept(self) -> float | None:
        """The share among samples over that in the data, by which a part is called dropped."""
        return self.ratio

    def few(self, fraction: float) -> bool:
        """Whether less than this fraction of it is kept."""
        return self.kept is not None and self.kept < fraction


Part = TypeVar("Part", bound=Share)


def judged(
    parts: Sequence[Part], *, fraction: float, alpha: float = ALPHA, q_values: Sequence[float] | None = None
) -> tuple[Part, ...]:
    """Parts that know whether they are dropped, the surest losses first.

    Args:
        parts: with p-values of their own.
        fraction: of its share that a part must keep not to be called dropped.
        alpha: chance of calling any part dropped where none is.
        q_values: of those that are tested, if they are corrected together with others.
    """
    tested = [part.p_value for part in parts if part.tested]
    corrected = iter(corrections(tested) if q_values is None else q_values)
    made = []
    for part in parts:
        q_value = float(next(corrected)) if part.tested else 1.0
        made.append(replace(part, q_value=q_value, dropped=part.few(fraction) and q_value <= alpha))
    return tuple(sorted(made, key=surest))


def corrections(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's correction of all of them together."""
    return list(false_discovery_control(np.array(p_values))) if len(p_values) else []


def surest(part: Share) -> tuple[bool, float, float]:
    """Sorts the surest losses first."""
    return not part.dropped, part.q_value, part.p_value


@dataclass(frozen=True)
class Shares:
    """What is known of every part.

    Args:
        real: examples of the data, ``(K,)``.
        fake: samples, ``(K,)``.
        expected: samples if shares were equal.
        ratio: share among samples over share in the data; NaN where there are no data.
        low: lower end of the ratio's 95% interval.
        high: its upper end.
        p_value: of the test for a smaller share, one-sided.
        q_value: the same after correction for the number of regions.
        dropped: ``q_value`` at most alpha, and the ratio below the fraction asked for.
    """

    real: Counts
    fake: Counts
    expected: Values
    ratio: Values
    low: Values
    high: Values
    p_value: Values
    q_value: Values
    dropped: NDArray[np.bool_]

    def __getitem__(self, row: int) -> Share:
        ratio, high = float(self.ratio[row]), float(self.high[row])
        return Share(
            int(self.real[row]),
            int(self.fake[row]),
            float(self.expected[row]),
            ratio if np.isfinite(ratio) else None,
            (float(self.low[row]), high if np.isfinite(high) else None),
            float(self.p_value[row]),
            float(self.q_value[row]),
            bool(self.dropped[row]),
        )


def compare(
    real: Counts, fake: Counts, *, n_real: int, n_fake: int, alpha: float = ALPHA, fraction: float = 0.5
) -> Shares:
    """Test every region.

    Args:
        real: examples of the data in each region, ``(K,)``.
        fake: samples in each region, ``(K,)``.
        n_real: number of examples R.
        n_fake: number of samples F.
        alpha: chance of calling any region dropped where none is.
        fraction: of what it should be: a region whose ratio is above is not called dropped, however sure.

    Returns:
        The shares, with intervals by Clopper and Pearson's rule (1934) for :math:`f` given :math:`r + f`.
    """
    p_value = np.minimum(1.0, hypergeom.cdf(fake, n_real + n_fake, real + fake, n_fake))
    q_value = false_discovery_control(p_value)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Values = (fake / n_fake) / (real / n_real)
        low = np.where(fake > 0, beta.ppf(0.025, fake, real + 1), 0.0)
        high = np.where(real > 0, beta.ppf(0.975, fake + 1, np.maximum(real, 1)), 1.0)
        to_ratio = n_real / n_fake
        low, high = low / (1 - low) * to_ratio, high / (1 - high) * to_ratio
    dropped = (q_value <= alpha) & (ratio < fraction)
    expected = (real * (n_fake / n_real)).astype(np.float64)
    return Shares(real, fake, expected, ratio, low, high, p_value, q_value, dropped)
