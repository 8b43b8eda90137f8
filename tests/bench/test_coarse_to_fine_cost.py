"""What a search coarse to fine costs, against whole candidates: the figures of the benchmark."""

from __future__ import annotations

import importlib.util
from itertools import combinations
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from allmodes.distances.pixels import Pixels
from allmodes.evaluation.answers import Questions
from allmodes.model import Model
from allmodes.networks.generators.cascade import Cascade
from allmodes.priors.gaussian import Gaussian

FILE = Path(__file__).parents[2] / "benchmarks" / "coarse_to_fine.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("coarse_to_fine", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model() -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = Cascade((1, 16, 16), 6, inputs=(1, 4, 4), width=4, style=4)
        for weight in generator.parameters():
            nn.init.normal_(weight, std=0.3)
    return Model(generator, Gaussian(dim=6), config={}, card={})


def test_the_mean_least_of_k_is_that_over_all_choices(bench: ModuleType) -> None:
    values = np.random.default_rng(0).normal(size=(2, 7))
    for row, found in zip(values, bench.expected_least(values), strict=True):
        expected = [np.mean([min(some) for some in combinations(row, k)]) for k in range(1, 8)]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_whole_candidates_for_a_distance_are_read_from_the_curve(bench: ModuleType) -> None:
    curve = np.array([4.0, 2.0, 1.0])
    found = [bench.reached(curve, distance) for distance in (5.0, 4.0, 3.0, 2.0, 1.25, 1.0, 0.9)]
    assert found == [1.0, 1.0, 1.5, 2.0, 2.75, 3.0, None]


def test_a_level_costs_its_share_of_all_products(bench: ModuleType, model: Model) -> None:
    generator = model.generator
    counts = []
    for level, side in enumerate((4, 8, 16)):
        parts = [getattr(generator, name)[level] for name in ("mappings", "enter", "groups", "to_image")]
        weights = [weight for part in parts for weight in part.parameters() if weight.ndim > 1]
        counts.append(sum(weight.numel() * (side**2 if weight.ndim == 4 else 1) for weight in weights))
    found = bench.shares(generator, torch.randn(1, 6), torch.zeros(1, 1, 4, 4))
    np.testing.assert_allclose(found, np.array(counts) / sum(counts), rtol=0.01)


def test_both_searches_are_held_against_each_other_at_their_costs(bench: ModuleType, model: Model) -> None:
    rng = torch.Generator().manual_seed(1)
    asked = Questions(*(torch.randn(3, 1, side, side, generator=rng).clamp(-1, 1) for side in (4, 16)), split="three")
    found = bench.measured(model, Pixels(), asked, [4, 2, 2], 50)
    codes = model.prior.sample(50, bench.stream(0, "flat", 1)).z
    made = model.generator(codes, asked.inputs[1].expand(50, 1, 4, 4))
    apart = Pixels().distance(made, asked.truth[1].expand_as(made))
    drawn = bench.flat(model, Pixels(), asked, 50)
    np.testing.assert_allclose(drawn[1], apart.detach(), rtol=1e-5)
    np.testing.assert_allclose(found["flat"]["distances"][-1], drawn.min(1).mean(), rtol=1e-6)
    whole = next(point for point in found["coarse_to_fine"] if point["pools"] == (4, 2, 2))
    assert whole["calls"] == 8
    assert whole["cost"] == pytest.approx(np.dot([4, 2, 2], found["shares"]))
    at = whole["flat_calls"]
    if at is not None:
        curve = found["flat"]["distances"]
        assert curve[int(np.ceil(at)) - 1] <= whole["distance"] <= curve[int(np.floor(at)) - 1]
    assert [row["calls"] for row in bench.table(found).rows] == [str(p["calls"]) for p in found["coarse_to_fine"]]
