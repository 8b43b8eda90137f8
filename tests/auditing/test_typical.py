"""A part is called by labels that set it apart from other data, and by none where its labels are those of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact

from allmodes.auditing import Findings, audit
from allmodes.auditing.typical import typical


@pytest.mark.parametrize("count", range(13))
def test_it_is_named_where_fishers_test_is_sure_and_its_odds_are_doubled(count: int) -> None:
    members, total, examples, tests = 12, 30, 100, 7
    table = [[count, members - count], [total - count, examples - total - members + count]]
    sure = fisher_exact(table, alternative="greater").pvalue * tests <= 0.05
    found = typical(
        {"a": count, "b": 12 - count}, {"a": total, "b": 70}, members=members, examples=examples, tests=tests
    )
    assert ("a" in found) == sure
    if sure:
        assert found["a"] == pytest.approx((count / members) / (total / examples))


def test_what_is_sure_but_small_is_not_named() -> None:
    assert typical({"a": 6_000}, {"a": 50_000}, members=10_000, examples=100_000, tests=1) == {}
    assert typical({"a": 7_000}, {"a": 50_000}, members=10_000, examples=100_000, tests=1) == {"a": pytest.approx(1.4)}


@pytest.fixture(scope="module")
def found() -> Findings:
    """Samples lack one of three places; its kind is that of no other, and coins are thrown everywhere."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 3, 600)
    coin = np.where(rng.random(600) < 0.8, "heads", "tails")
    real = rng.normal(0, 1, (600, 2)) + 15 * np.eye(3, 2)[place]
    fake = rng.normal(0, 1, (600, 2)) + 15 * np.eye(3, 2)[rng.integers(1, 3, 600)]
    return audit(real, fake, labels={"place": place, "coin": coin}, metrics=())


def test_a_part_is_called_by_what_sets_it_apart(found: Findings, tmp_path: Path) -> None:
    """Of every part four in five are heads, as of all data."""
    assert found.parts
    for part in found.parts:
        assert list(part.region.typical) == ["place 0"]
        assert part.region.label_counts["coin heads"] > 0
    found.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "100% of it bear place 0 (3" in page
    assert "heads" not in page.partition('id="labels"')[0]


def test_a_part_of_many_kinds_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = rng.normal(0, 1, (300, 2)) + 15 * (np.arange(300) < 150)[:, None]
    found = audit(real, rng.normal(0, 1, (300, 2)), labels=rng.integers(0, 3, 300), metrics=())
    assert found.parts
    assert not any(part.region.typical for part in found.parts)
    found.to_html(tmp_path / "page.html")
    assert "No label sets it apart" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_labels_that_belong_to_no_part_are_named_in_at_most_one_audit_of_twenty() -> None:
    """Of 40 tables of labels, five or more would be called so in less than 5% of cases at the level of 5%."""
    import torch

    from allmodes.auditing.regions import compare_regions

    rng, alarms = np.random.default_rng(0), 0
    points = torch.from_numpy(rng.normal(size=(240, 2)).astype(np.float32))
    for seed in range(40):
        regions = compare_regions(
            points,
            points[:50],
            torch.arange(80),
            scores=np.zeros(240),
            table={"label": [str(label) for label in rng.integers(0, 4, 240)]},
            fraction=0.5,
            seed=seed,
        )
        alarms += any(region.typical for region in regions)
    assert alarms <= 4
