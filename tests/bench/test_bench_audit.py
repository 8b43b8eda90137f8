"""What the benchmark of the audit plants is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from allmodes.bench import audit, planted
from allmodes.core.errors import UserError

N = 150


@pytest.fixture(scope="module")
def pool() -> planted.Pool:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 200)
    images = rng.normal(40 + 35 * labels[:, None, None, None], 8, (1_000, 1, 6, 6)).clip(0, 255)
    return planted.Pool("squares", torch.from_numpy(images.astype(np.uint8)), labels)


def kinds(images: torch.Tensor) -> np.ndarray:
    return ((images.float().mean((1, 2, 3)) - 40) / 35).round().long().numpy()


def test_a_class_removed_is_nowhere_among_the_samples(pool: planted.Pool) -> None:
    made = planted.class_kept(0.0)(pool, N, np.random.default_rng(1))
    gone = set(kinds(made.real)[made.lost])
    assert len(gone) == 1
    assert not gone & set(kinds(made.fake))
    assert made.dropped == pytest.approx(0.2)
    assert len(made.real) == len(made.fake) == N


def test_a_class_keeps_its_share(pool: planted.Pool) -> None:
    made = planted.class_kept(0.25)(pool, N, np.random.default_rng(1))
    share = np.isin(kinds(made.fake), kinds(made.real)[made.lost]).mean()
    assert share == pytest.approx(0.05 / 0.85, abs=0.04)


@pytest.mark.parametrize("mass", [0.02, 0.2, 0.3])
def test_the_mass_removed_is_the_mass_said(pool: planted.Pool, mass: float) -> None:
    made = planted.part_removed(mass)(pool, 500, np.random.default_rng(2))
    assert made.dropped == pytest.approx(mass)
    assert made.lost.mean() == pytest.approx(mass, abs=0.05)


def test_copies_are_examples_of_the_data(pool: planted.Pool) -> None:
    made = planted.copied(0.1)(pool, N, np.random.default_rng(3))
    data = {page.numpy().tobytes() for page in made.real}
    assert sum(page.numpy().tobytes() in data for page in made.fake) == 15
    assert made.copied == 0.1


@pytest.mark.parametrize("spoil", [planted.blurred, planted.noisy, planted.fewer])
def test_spoilt_samples_lack_nothing(pool: planted.Pool, spoil: planted.Plant) -> None:
    made = spoil(pool, N, np.random.default_rng(4))
    assert not made.lost.any()
    assert made.fake.dtype == torch.uint8
    assert len(made.fake) == (N // 4 if spoil is planted.fewer else N)


def test_the_tables_hold_every_case(pool: planted.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "pools", lambda: iter([pool]))
    monkeypatch.setattr(audit, "EXAMPLES", N)
    monkeypatch.setattr(audit, "SPACES", ("pixels",))
    cases = (audit.Case("a class removed", planted.class_kept(0.0), N, audits=2),)
    monkeypatch.setattr(audit, "NULL", audit.Case("nothing", planted.nothing, N, audits=10))
    monkeypatch.setattr(audit, "CASES", cases)
    ours, others = audit.all_tables(quick=False, progress=lambda _: None)
    null, lost = ours.rows
    assert null["found"] <= 0.2
    assert lost["found"] == 1
    assert lost["pure"] > 0.9
    assert lost["AUROC"] > 0.95
    assert others.rows[0]["recall"] in (0, 0.5, 1)


def test_an_unknown_data_set_is_refused(pool: planted.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "pools", lambda: iter([pool]))
    with pytest.raises(UserError, match="choose from squares"):
        audit.all_tables(quick=True, data="MNISTT", progress=lambda _: None)
