"""How small a loss is seen: the closed form against draws, and against whole audits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from allmodes.auditing import Power, audit, compare, least_seen
from allmodes.auditing.regions import resolutions


@pytest.mark.parametrize(("n_real", "n_fake", "tests"), [(333, 500, 200), (1_333, 2_000, 400), (2_000, 200, 50)])
def test_a_part_of_this_share_is_seen_in_four_of_five_draws(n_real: int, n_fake: int, tests: int) -> None:
    share = least_seen(n_real, n_fake, tests=tests)
    rng = np.random.default_rng(0)
    others = rng.integers(5, 9, size=tests - 1)  # as many of the samples as of the data, so that they are no loss
    seen = []
    for lost in rng.binomial(n_real, share, size=300):
        real, fake = np.array([lost, *others]), np.array([0, *(others * n_fake // n_real + 1)])
        seen.append(compare(real, fake, n_real=n_real, n_fake=n_fake).dropped[0])
    assert np.mean(seen) == pytest.approx(0.8, abs=0.07)


def test_it_is_the_least_that_the_tests_of_scipy_see() -> None:
    n_real, n_fake, level = 800, 1_200, 0.05 / 90
    counts = np.arange(60)
    enough = np.flatnonzero(hypergeom.cdf(0, n_real + n_fake, counts, n_fake) <= level)[0]
    share = least_seen(n_real, n_fake, tests=90)
    assert binom.sf(enough - 1, n_real, share) == pytest.approx(0.8)


def test_where_nothing_would_be_seen_there_is_no_size() -> None:
    assert least_seen(20, 1, tests=100) is None
    assert Power.of(20, 20, views=4, labels=50).sharpened(views=4, labels=50).share < 0.5


def test_more_samples_see_less_and_the_sizes_told_are_those_that_do() -> None:
    now = Power.of(1_000, 200, views=2)
    more = now.sharpened(views=2)
    assert (more.n_real, more.n_fake) == (1_000, 500)
    assert more == Power.of(1_000, 500, views=2)
    assert more.share < 0.75 * now.share
    both = Power.of(500, 10_000).sharpened()  # so many samples that more of them alone would not help
    assert both.n_real > 500


def test_an_audit_tests_no_more_parts_than_its_power_supposes() -> None:
    rng = np.random.default_rng(0)
    found = audit(rng.normal(size=(900, 6)), rng.normal(size=(900, 6)), metrics=())
    assert len(found.regions) <= sum(resolutions(300))


def test_a_group_apart_of_this_size_is_found_by_most_audits() -> None:
    """Of 800 examples and samples; the group is as far from the rest as regions need to match it."""
    share = Power.of(800, 800).share
    found = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        real, fake = rng.normal(size=(2, 800, 3))
        real[: rng.binomial(800, 1.5 * share)] += 40
        found.append(bool(audit(real, fake, metrics=(), seed=seed).dropped))
    assert sum(found) >= 6
