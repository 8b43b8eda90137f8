"""Run by every process of the two-process test: train three steps, save the state of the first process."""

import sys
from pathlib import Path

from test_objectives import digits_recipe, make_trainer

from allmodes.training.checkpoint import save

trainer = make_trainer(digits_recipe(sys.argv[1]))
assert trainer.workers.size == 2
for _ in range(3):
    trainer.one_step()
if trainer.workers.rank == 0:
    save(Path(sys.argv[2]), *trainer.state())
trainer.fabric.barrier()
