"""Every adversarial loss with networks in bfloat16: each trains, and says what it says in float32 but for rounding."""

from __future__ import annotations

import pytest

from allmodes.bench.speed import make_trainer
from allmodes.core.discovery import entries
from allmodes.objectives.losses.base import AdversarialLoss
from allmodes.training.recipe import load_recipe

LOSSES = entries("allmodes.objectives.losses", AdversarialLoss)


@pytest.mark.parametrize("loss", LOSSES)
def test_first_step_agrees_with_float32(loss):
    judge = {"name": "dense-auto-encoder", "code": 2} if loss == "began" else "toy-mlp"
    said = []
    for precision in ("32-true", "bf16-mixed"):
        changes = {"discriminator": judge, "loss": loss, "precision": precision, "batch": 64, "threads": 1}
        trainer = make_trainer(load_recipe("ring/gan", {**changes, "device": "cpu"}))
        trainer.one_step()
        said.append({key: float(value) for key, value in trainer.losses.items()})
    assert said[0].keys() == said[1].keys()
    for key, value in said[0].items():
        assert said[1][key] == pytest.approx(value, rel=0.05, abs=0.02), key
