"""The contract of a training that goes on to more images: it is what one longer training is, or says what is not.

And of one that has not ended: its newest checkpoint is a model.
"""

from __future__ import annotations

import pytest
import torch
from test_objectives import OBJECTIVES, make_trainer, toy_recipe, weights

from allmodes.model import load
from allmodes.training import checkpoint
from allmodes.training.current import current_model, described

BATCH = 16
SMALL = {"batch": BATCH}
STEADY = {**SMALL, "optimizer.constant": 1.0}
BY_LENGTH = {"imle-gan": (1, 9), "glann": (9,)}  # steps of 10 after which something has gone by the length


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("steps", [1, 9])
def test_more_images_give_what_one_training_gives_or_it_is_said(objective, steps):
    short = make_trainer(toy_recipe(objective, **STEADY, images=10 * BATCH))
    on, once = (make_trainer(toy_recipe(objective, **STEADY, images=40 * BATCH)) for _ in range(2))
    for _ in range(steps + 1):  # the last of them at this share of the training
        short.one_step()
    on.load_state(*short.state())
    for _ in range(steps + 3):
        once.one_step()
    on.one_step(), on.one_step()
    differs = [key for key, value in weights(once).items() if not torch.equal(value, weights(on)[key])]
    assert bool(on.prolonged) == (steps in BY_LENGTH.get(objective, ()))
    assert not differs or on.prolonged
    again = make_trainer(toy_recipe(objective, **STEADY, images=40 * BATCH))
    again.load_state(*on.state())
    assert again.prolonged == on.prolonged


@pytest.mark.parametrize(("steps", "said"), [(5, None), (6, "the learning rate (optimizer.constant)")])
def test_a_rate_that_has_begun_to_fall_is_said(steps, said):
    """It is full in the first half: steps of 10 begin at 0, 0.1, ..., the seventh at 0.6."""
    short = make_trainer(toy_recipe("gan", **SMALL, images=10 * BATCH))
    for _ in range(steps + 1):
        short.one_step()
    on = make_trainer(toy_recipe("gan", **SMALL, images=40 * BATCH))
    on.load_state(*short.state())
    found = [{"images": BATCH * (steps + 1), "of": 10 * BATCH, "what": said}]
    assert on.prolonged == (found if said else [])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_newest_checkpoint_is_a_model(objective, tmp_path, capsys):
    trainer = make_trainer(toy_recipe(objective, **SMALL))
    for _ in range(3):
        trainer.one_step()
    checkpoint.save(tmp_path / "checkpoints", *trainer.state(), model=described(trainer))
    found = load(tmp_path)
    inputs = trainer.dataset.batch(0, 16, 0).inputs
    assert torch.equal(*(model.sample(16, seed=1, condition=inputs) for model in (found, current_model(trainer))))
    assert found.card == described(trainer)["card"]
    assert f"{tmp_path} has not ended: this is its model after {3 * BATCH} presentations." in capsys.readouterr().err
