"""The sanity checks draw the laws that they name, judge curves as the paper does, and measure what the audit says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allmodes.auditing import audit
from allmodes.bench import curves, sanity
from allmodes.bench.checks import CHECKS, Case, Check, Demand
from allmodes.bench.draws import Sides

FALLING, RISING, HILL = {0.0: 1.0, 1.0: 0.6, 2.0: 0.0}, {0.0: 0.0, 1.0: 0.6, 2.0: 1.0}, {0.0: 0.1, 1.0: 0.9, 2.0: 0.0}


def drawn(check: str, case: str, value: float) -> tuple[np.ndarray, np.ndarray]:
    found = next(each for each in CHECKS if each.name == check)
    return next(each for each in found.cases if each.name == case).draw(value, np.random.default_rng(0))


def test_shapes_are_told_from_their_opposites() -> None:
    assert curves.falls(FALLING)
    assert curves.rises(RISING)
    assert curves.bell(1.0)(HILL)
    for shape, others in (
        (curves.falls, (RISING, HILL, {0.0: 0.9, 2.0: 0.71}, {0.0: 0.8, 1.0: 0.95, 2.0: 0.0})),
        (curves.rises, (FALLING, HILL, {0.0: 0.2, 1.0: 0.05, 2.0: 1.0})),
        (
            curves.bell(1.0),
            (FALLING, RISING, {0.0: 0.0, 1.0: 0.8, 1.5: 0.95, 2.0: 0.0}, {0.0: 0.0, 1.0: 0.9, 2.0: 0.71}),
        ),
    ):
        assert not any(shape(curve) for curve in others)
    assert curves.falls_before(1.0)(FALLING)
    assert not curves.falls_before(1.0)({**FALLING, 1.0: 0.91})
    assert curves.level({0.0: 0.5, 1.0: 0.54})
    assert not curves.level({0.0: 0.5, 1.0: 0.56})
    assert curves.settled({100.0: 0.9, 1_000.0: 0.5, 2_000.0: 0.54})
    assert not curves.settled({100.0: 0.5, 1_000.0: 0.5, 2_000.0: 0.56})
    assert curves.at("last", 0)({0.0: 1.0, 2.0: 0.04})
    assert not curves.at("first", 1)({0.0: 0.94, 2.0: 1.0})
    reading = curves.either(curves.at("last", 0), curves.at("last", 1))
    assert (reading(FALLING), reading(RISING), reading({0.0: 1.0, 1.0: 0.5})) == ("low", "high", False)


def test_cubes_have_a_fifth_in_common() -> None:
    for dim in (1, 8, 64):
        real, fake = drawn("cubes, many samples", f"d {dim}", 4_000)
        assert (len(real), len(fake)) == (1_000, 4_000)
        assert (fake < 1).all(1).mean() == pytest.approx(0.2, abs=0.03)


def test_modes_are_lost_in_two_ways_and_invented() -> None:
    kinds = [np.unique((side * 0.9).round()) for side in drawn("modes dropped one by one", "d 1", 4.0)]
    assert [len(kind) for kind in kinds] == [10, 6]
    _, fake = drawn("modes dropped together", "d 1", 0.95)
    assert (fake < 0.55).mean() == pytest.approx(1 / (1 + 9 * 0.05), abs=0.04)
    real, fake = drawn("modes dropped and invented", "d 2", 10.0)
    near = np.linalg.norm(fake[:, None] - real[None], axis=2).min(1) < 1
    assert near.mean() == pytest.approx(0.5, abs=0.05)


def test_a_torus_and_a_ball_do_not_meet() -> None:
    ball, torus = drawn("ball and torus", "data in the ball", 1_000.0)
    assert np.linalg.norm(ball, axis=1).max() <= 0.8
    across = np.hypot(np.linalg.norm(torus[:, :2], axis=1) - 1, torus[:, 2])
    assert across.max() <= 0.1
    assert (np.linalg.norm(ball, axis=1) < 0.4).mean() == pytest.approx(1 / 8, abs=0.03)
    assert (across < 0.05).mean() == pytest.approx(1 / 4, abs=0.04)


def test_every_law_with_nothing_wrong_is_one_law() -> None:
    for check, case, same in (
        ("mean", "d 8", 0.0),
        ("standard deviation", "d 8", 1.0),
        ("modes dropped together", "d 1", 0.0),
        ("modes dropped one by one", "d 1", 0.0),
        ("modes dropped and invented", "d 2", 5.0),
        ("surface of a sphere", "d 16", 1.0),
        ("one mode for two", "d 8", 0.0),
    ):
        real, fake = drawn(check, case, same)
        assert np.abs(real.mean(0) - fake.mean(0)).max() < 6 * real.std() / 1_000**0.5
        assert np.std(fake, axis=0) == pytest.approx(np.std(real, axis=0), rel=0.12)


def test_all_values_that_criteria_ask_for_are_measured() -> None:
    for check in CHECKS:
        for case in check.cases:
            curve = dict.fromkeys(case.values, 1.0)
            for demand in check.demands:
                for role in ("fidelity", "coverage"):
                    sanity._meets(demand, role, curve)


@pytest.mark.parametrize("dim", [3, 70])
def test_masses_are_those_of_the_audit(dim: int) -> None:
    real, fake = np.random.default_rng(dim).normal(size=(2, 300, dim))
    fake[:40] += 6
    fake *= 1.1
    found = audit(real, fake, metrics=(), seed=2)
    masses = sanity.masses(*(torch.from_numpy(side).float() for side in (real, fake)), 2)
    assert masses == {name: getattr(found, f"{name}_mass").estimate for name in sanity.AUDIT}
    assert masses["invented"] > 0.1


def test_a_table_says_what_passes_and_which_cases_fail() -> None:
    def draw(mean: float, rng: np.random.Generator) -> Sides:
        real, fake = rng.normal(size=(2, 200, 2))
        return real, fake + mean

    bounds = Demand("bounds", (curves.at(0.0, 1), curves.at("last", 0)), (curves.at(0.0, 1), curves.at("last", 1)))
    check = Check("moved", "mean", (Case("d 2", (0.0, 50.0), draw), Case("twice", (0.0, 50.0), draw)), (bounds,))
    verdicts, values = sanity.all_tables(repeats=2, progress=lambda _: None, checks=[check])
    (row,) = verdicts.rows
    assert row["1 - invented mass"] == "yes"
    assert row["1 - dropped mass"] == "no (d 2, twice)"
    assert [(line["case"], line["value"]) for line in values.rows] == [
        ("d 2", 0.0),
        ("d 2", 50.0),
        ("twice", 0.0),
        ("twice", 50.0),
    ]
    assert values.rows[1]["coverage"] == 0
