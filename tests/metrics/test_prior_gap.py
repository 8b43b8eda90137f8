"""The prior gap: shares known in closed form, silence within chance."""

from __future__ import annotations

import numpy as np
import pytest

from allmodes.metrics import prior_gap

T4 = 2.7764451  # 97.5% quantile of Student's t with 4 degrees of freedom, from tables


def five(mean: float, spread: float = 1.0) -> np.ndarray:
    """Five figures of this mean whose sample variance is ``spread`` squared."""
    return mean + spread * np.array([-2, -1, 0, 1, 2]) / 2.5**0.5


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_share_and_its_interval_in_closed_form(scale: float) -> None:
    score = prior_gap(scale * five(90), scale * five(40, 2), scale * five(10, 0.5))
    share = 50 / 80
    error = T4 * ((1 - share) ** 2 * 1 + 4 + share**2 * 0.25) ** 0.5 / 80
    assert score.value == pytest.approx(share)
    assert score.ci95 == pytest.approx((share - error, share + error), rel=1e-6)


def test_the_interval_holds_what_another_set_of_each_gives() -> None:
    """Normal figures: the share of a further draw of each lies within it in 95% of cases, or a little more."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(2_000):
        draws = [rng.normal(mean, 2, 6) for mean in (90, 40, 10)]
        fresh, assigned, training = (float(draw[5]) for draw in draws)
        low, high = prior_gap(*(draw[:5] for draw in draws)).ci95
        inside += low <= (fresh - assigned) / (fresh - training) <= high
    assert 0.92 < inside / 2_000 < 0.99


def test_fresh_latents_that_lack_nothing_have_no_gap() -> None:
    for fresh in (five(10), five(12, 1), five(8)):
        score = prior_gap(fresh, five(9), five(10))
        assert (score.value, score.ci95) == (0.0, None)


def test_assigned_latents_that_serve_worse_are_below_0() -> None:
    assert prior_gap(five(50), five(90), five(10)).ci95[1] < 0


def test_one_distance_of_a_kind_says_nothing_of_chance() -> None:
    with pytest.raises(ValueError, match="assigned: need at least 2 distances, not 1"):
        prior_gap(five(50), [4.0], five(10))
