"""Methods of others rank what is missing as their papers say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from allmodes.bench import missing, planted, rivals
from allmodes.bench.seen import Seen

GROUPS = 20.0 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def grouped(kinds: np.ndarray, seed: int) -> torch.Tensor:
    return GROUPS[torch.from_numpy(kinds)] + torch.randn(len(kinds), 4, generator=torch.Generator().manual_seed(seed))


def lacking(seed: int, kinds: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Data of six groups, samples of so many of them, and which of the data are lost."""
    rng = np.random.default_rng(seed)
    ours = rng.integers(6, size=600)
    return grouped(ours, 2 * seed), grouped(rng.integers(kinds, size=600), 2 * seed + 1), ours >= kinds


@pytest.mark.parametrize("name", rivals.METHODS)
def test_a_lost_group_is_ranked_first_and_found(name: str) -> None:
    real, fake, lost = lacking(1, 5)
    ranked = rivals.METHODS[name](real, fake, 0)
    assert roc_auc_score(lost, ranked.scores) > 0.97
    assert ranked.missing in (True, None)
    assert (ranked.missing is None) == (name == "FINC")


def test_rules_keep_their_levels_where_nothing_is_lost() -> None:
    """PQMass and corrected bins at most 5%; bins as published nearly always, since some of 60 differ by chance."""
    said = {name: [] for name in ("NDB", "NDB, corrected", "PQMass")}
    for seed in range(40):
        real, fake, _ = lacking(seed, 6)
        for name, found in said.items():
            found.append(bool(rivals.METHODS[name](real, fake, seed).missing))
    assert np.mean(said["NDB"]) > 0.6
    assert np.mean(said["NDB, corrected"]) <= 0.15
    assert np.mean(said["PQMass"]) <= 0.15


def test_finc_is_the_kernels_covariance_in_the_limit() -> None:
    """Products of random features are the Gaussian kernel, in expectation."""
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    waves = torch.randn(3, missing.WAVES, generator=torch.Generator().manual_seed(1)) / 1.5
    features = missing._fourier(points, waves)
    kernel = (-torch.cdist(points, points).square() / (2 * 1.5**2)).exp()
    assert (features @ features.T - kernel).abs().max() < 5 / missing.WAVES**0.5


def test_the_table_has_a_row_for_every_method_and_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 100)
    images = rng.normal(40 + 35 * labels[:, None, None, None], 8, (500, 1, 4, 4)).clip(0, 255)
    pool = planted.Pool("squares", torch.from_numpy(images.astype(np.uint8)), labels)
    monkeypatch.setattr(rivals, "CASES", rivals.CASES[:2])
    rows = rivals._rows(Seen(pool, "pixels"), 1, lambda _: None)
    assert [row["method"] for row in rows] == 2 * list(rivals.METHODS)
    assert [row["audits"] for row in rows] == 5 * [2] + 5 * [1]
    nothing, lost = rows[:5], rows[5:]
    assert all(row["AUROC"] == "" for row in nothing)
    assert all(row["AUROC"] > 0.9 for row in lost)
    assert all(row["seconds"] > 0 for row in rows)
