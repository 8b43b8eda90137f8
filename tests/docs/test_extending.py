"""The objective that the documentation shows is complete: as a file beside the others it is found, and it trains."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
# the room looks into one more folder, as if the file lay in its own
SCRIPT = """
import json, sys
import allmodes.objectives
allmodes.objectives.__path__.append(sys.argv[1])
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.current import current_model
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

recipe = load_recipe("mnist/gm-gan-supervised", json.loads(sys.argv[2]))
fabric, data = launch(recipe.settings), build_dataset(recipe)
trainer = Trainer(recipe, build_objective(recipe, data, fabric.device), dataset=data, fabric=fabric)
for _ in range(4):
    trainer.one_step()
trainer.require_finite()
batch = data.batch(0, 16, 0)
losses = {update.player: update.closure() for update in trainer.objective.updates(batch, trainer.moment())
          if update.player != "prior"}
seven = current_model(trainer).sample(5, label=7)
print(json.dumps({
    "scalars": {player: sorted(loss.scalars) for player, loss in losses.items()},
    "shape": list(seven.shape),
}))
"""
SMALL = {"objective": "ac-gan", "data": "digits", "images": 64, "batch": 16, "threads": 1, "device": "cpu"}
GIVEN = {
    "from a tied mixture": {},
    "from a generator that is given labels": {"prior": "gaussian", "generator.classes": 10},
}


def shown() -> str:
    """The file of the page that holds an objective."""
    (found,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "(Objective)" in block]
    return found


def test_it_is_short():
    assert len(shown().splitlines()) < 80


@pytest.mark.parametrize("more", GIVEN.values(), ids=GIVEN)
def test_it_is_found_and_trains_both_players_on_classes(more, tmp_path):
    (tmp_path / "ac_gan.py").write_text(shown())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), json.dumps({**SMALL, **more})],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["shape"] == [5, 1, 8, 8]
    assert "classes" in found["scalars"]["discriminator"]
    assert "classes" in found["scalars"]["generator"]
