"""What a step needs is known before it begins: estimates beside what a process really takes, and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from allmodes.core.errors import UserError
from allmodes.core.memory import memory
from allmodes.runs.run import train
from allmodes.training import footprint
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.recipe import load_recipe

MEASURE = """
import sys
import torch
from allmodes.training import footprint
from allmodes.bench.speed import make_trainer
from allmodes.training.recipe import load_recipe, parse_overrides
needs = []
footprint._require = lambda some, device: needs.extend(some)
trainer = make_trainer(load_recipe(sys.argv[1], parse_overrides(sys.argv[2:])))
open("/proc/self/clear_refs", "w").write("5")  # the peak so far no longer counts
status = lambda name: 1024 * int(open("/proc/self/status").read().split(name + ":")[1].split()[0])
before = status("VmRSS")
trainer.one_step()
print(sum(need.bytes for need in needs), status("VmHWM") - before)
"""


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("ring/imle", ["--matching.block", "1000000", "--matching.pool", "1000000"]),
        ("ring/unrolled-gan", ["--batch", "20000"]),
    ],
)
def test_an_estimate_is_near_to_what_the_operating_system_counts(recipe: str, options: list[str]) -> None:
    words = [sys.executable, "-c", MEASURE, recipe, *options, "--precision", "32-true", "--threads", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    estimated, measured = map(float, done.stdout.split())
    assert 0.4 < estimated / measured < 2.0


@pytest.mark.parametrize(
    ("recipe", "overrides", "said"),
    [
        ("ring/imle", {"batch": 100_000_000}, r"examples at a time, and this machine has [\d,]+: lower batch\."),
        ("ring/gan", {"batch": 100_000_000}, r": lower batch\."),
        ("ring/unrolled-gan", {"batch": 3_000_000, "objective.unroll": 100}, r": lower batch\."),
        ("ring/imle", {"matching.pool": 10**10, "matching.block": 10**10}, r": lower matching\.block\."),
        ("ring/imle", {"matching.pool": 10**10, "matching.search": "dci"}, r": lower matching\.pool\."),
        ("ring/imle", {"matching.refresh": 10**8}, r"matched at once.*: lower matching\.refresh\."),
        ("ring/imle", {"matching": {"name": "one-to-one", "refresh": 2_000}}, r": lower matching\.refresh\."),
        ("ring/gan", {"generator.width": 10**6}, r"weights of the gen.*: lower generator\.width\."),
        ("stacked-digits/gan", {"discriminator.width": 10**5}, r"weights of the disc.*: lower discriminator\.width\."),
    ],
)
def test_a_step_that_cannot_fit_is_refused_before_anything_is_made(
    recipe: str, overrides: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=rf"^A step needs about [\d,]+ GiB, most of it for .*{said}$"):
        train(recipe, tmp_path / "run", overrides={**overrides, "device": "cpu"})
    assert not (tmp_path / "run").exists()


def test_a_pool_that_is_streamed_may_be_of_any_size() -> None:
    recipe = load_recipe("ring/imle", {"matching.pool": 10**10})
    build_objective(recipe, build_dataset(recipe), torch.device("cpu"))


def test_weighing_networks_leaves_no_trace_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("stacked-digits/imle-gan", {})
    states = []
    for weigh in (True, False):
        if not weigh:
            monkeypatch.setattr("allmodes.training.build.require_step", lambda *given, **sizes: None)
        torch.manual_seed(0)
        objective = build_objective(recipe, build_dataset(recipe), torch.device("cpu"))
        state = [values for player in objective.players().values() for values in player.state_dict().values()]
        states.append([*state, torch.rand(1)])
    assert all(torch.equal(one, other) for one, other in zip(*states, strict=True))


def test_a_step_that_learns_a_velocity_keeps_one_network_call_whatever_a_sample_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    monkeypatch.setattr(footprint, "_require", lambda needs, device: found.append(needs[0].bytes))
    for steps in (1, 40):
        recipe = load_recipe("ring/flow-matching", {"generator.steps": steps})
        build_objective(recipe, build_dataset(recipe), torch.device("cpu"))
    _, few, _, many = found  # of either the weights, then a step
    assert many == pytest.approx(few, rel=0.1)


def test_what_a_linear_layer_keeps_of_an_example_is_its_input() -> None:
    layer = torch.nn.Linear(1_000, 10)
    kept = footprint.Kept.of(lambda count: layer(torch.zeros(count, 1_000, requires_grad=True)))
    assert (kept.total, kept.largest) == (4_000, 4_000)


def test_a_container_has_no_more_memory_than_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = memory()
    (tmp_path / "memory.max").write_text(f"{whole // 2}\n", encoding="ascii")
    (tmp_path / "unlimited").write_text("max\n", encoding="ascii")
    for name, there in (("memory.max", whole // 2), ("unlimited", whole), ("absent", whole)):
        monkeypatch.setattr("allmodes.core.memory.LIMITS", (tmp_path / name,))
        assert memory() == pytest.approx(there, rel=1e-3)
