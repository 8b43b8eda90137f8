"""What a sample costs, counted by hand and by a clock that the samples themselves move."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from allmodes.data.planar import Ring
from allmodes.evaluation import cost
from allmodes.evaluation.evaluate import Evaluation, evaluate
from allmodes.evaluation.protocols.base import Subject
from allmodes.model import Model
from allmodes.networks.base import Generator
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.networks.generators.velocity_mlp import VelocityMLP
from allmodes.priors.gaussian import Gaussian


def evaluated(generator: Generator, *, quick: bool = False) -> Evaluation:
    model = Model(generator, Gaussian(dim=2), config={}, card={})
    return evaluate(Subject(model.sample, Ring(), 0, torch.device("cpu"), quick=quick, model=model))


def test_network_calls_are_those_that_a_sample_takes() -> None:
    seen = []
    flow = VelocityMLP((2,), 2, width=4, steps=3, solver="rk4")
    flow.layers.register_forward_hook(lambda *call: seen.append(call))
    flow(torch.zeros(1, 2))
    assert len(seen) == 12
    assert evaluated(flow).headline()["calls"] == 12
    assert evaluated(ToyMLP((2,), 2, width=4)).headline()["calls"] == 1


def test_seconds_are_the_least_of_three_trials_for_a_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    now, paces = 0.0, iter([0.004, 0.002, 0.003])
    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: now))

    def sample(n: int, seed: int) -> Tensor:
        nonlocal now
        now += n * next(paces)
        return torch.zeros(n, 2)

    model = Model(ToyMLP((2,), 2, width=4), Gaussian(dim=2), config={}, card={})
    found = cost.cost_scores(Subject(sample, Ring(), 0, torch.device("cpu"), model=model))
    assert found[1].name == "sampling_seconds"
    assert found[1].value == pytest.approx(2.0)
    assert found[1].detail["device"] == "cpu"


def test_a_first_look_does_not_wait_for_it() -> None:
    assert evaluated(ToyMLP((2,), 2, width=4), quick=True).headline().keys().isdisjoint({"calls", "sampling_seconds"})
