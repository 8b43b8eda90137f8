"""Colours planted as missing given the input are what the table says, by counting, and are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.bench import pairs, planted


@pytest.fixture
def pool() -> planted.Pool:
    """Squares of every brightness."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(30, 220, (400, 3, 1, 1), generator=generator).expand(-1, -1, 8, 8)
    noise = torch.randint(-20, 20, (400, 3, 8, 8), generator=generator)
    return planted.Pool("cifar10", (images + noise).to(torch.uint8), np.zeros(400, np.int64))


def warm(images: Tensor) -> np.ndarray:
    return (images[:, 0] - images[:, 2]).mean((1, 2)).numpy() > 0


def test_light_keeps_luma():
    images = torch.rand(50, 3, 4, 4) - 0.5
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    either = [(pairs.lit(images, np.full(50, way)) * weights).sum(1) for way in (True, False)]
    torch.testing.assert_close(either[0], either[1])


def test_what_is_said_to_be_dropped_is_what_is_never_answered(pool: planted.Pool):
    grey = planted.Pool(pool.name, pool.images.float().mean(1, keepdim=True).expand(-1, 3, -1, -1).byte(), pool.labels)
    for habit in pairs.HABITS:
        data, inputs, answers = pairs.planted(grey, habit, np.random.default_rng(0))
        tenth = inputs.mean((1, 2, 3)).argsort(stable=True).argsort().numpy() * 10 // len(inputs)
        seen = set(zip(tenth.tolist(), warm(answers).tolist(), strict=True))
        of_data = list(zip(tenth.tolist(), warm(data).tolist(), strict=True))
        assert np.mean([kind not in seen for kind in of_data]) == pytest.approx(habit.dropped, abs=0.03)


def test_planted_colours_are_found_and_fair_answers_are_not_blamed(
    pool: planted.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "pools", lambda names: iter([pool]))
    fair, halved = pairs.pair_rows(2, lambda _: None, pairs.HABITS[:2])
    assert (fair["dropped"], fair["found"], fair["bound holds"]) == (0, 0, 1)
    assert (halved["dropped"], halved["found"], halved["differ"], halved["bound holds"]) == (0.5, 1, 1, 1)


def test_without_the_photographs_there_are_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "pools", lambda names: iter(()))
    assert pairs.pair_rows(2, lambda _: None) == []
