"""Run by both processes of the two-process test: a step of every objective, whose gradients the first process saves."""

import sys
from pathlib import Path

from safetensors.torch import save_file
from test_objectives import DIGITS, digits_recipe, gradients, make_trainer

from allmodes.training.processes import leave

if __name__ == "__main__":
    for objective in DIGITS:
        trainer = make_trainer(digits_recipe(objective))
        assert trainer.workers.size == 2
        trainer.one_step()
        if trainer.workers.rank == 0:
            save_file(gradients(trainer), Path(sys.argv[1]) / f"{objective}.safetensors")
    leave()
