"""Run by every process of the two-process test: take one step, save the gradients of the first process."""

import sys
from pathlib import Path

from safetensors.torch import save_file
from test_objectives import digits_recipe, gradients, make_trainer

from allmodes.training.processes import leave

if __name__ == "__main__":
    trainer = make_trainer(digits_recipe(sys.argv[1]))
    assert trainer.workers.size == 2
    trainer.one_step()
    if trainer.workers.rank == 0:
        save_file(gradients(trainer), Path(sys.argv[2]) / "gradients.safetensors")
    leave()
