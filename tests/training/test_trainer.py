"""The loop against the same steps by hand: each player's own Adam, the schedule, the average that is kept."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.workers import Alone
from allmodes.objectives.base import Loss, Update
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.current import current_model
from allmodes.training.processes import launch
from allmodes.training.recipe import Recipe, load_recipe
from allmodes.training.trainer import Trainer

SMALL = {"threads": 1, "device": "cpu", "precision": "32-true", "seed": 3}
PLANE = {**SMALL, "images": 32 * 8, "batch": 32, "generator.width": 8, "discriminator.width": 8}
OPTIMIZER = {"lr": 0.01, "beta1": 0.4, "beta2": 0.8, "constant": 0.25, "final": 0.1, "discriminator": {"lr": 0.003}}
STACKED = {**SMALL, "images": 320, "batch": 32, "generator.width": 8}


def make_trainer(recipe: Recipe) -> Trainer:
    fabric = launch(recipe.settings)
    dataset = build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


def by_hand(recipe: Recipe, steps: int) -> dict[str, nn.Module]:
    """The players after so many steps of the bare loop."""
    dataset = build_dataset(recipe)
    objective = build_objective(recipe, dataset, torch.device("cpu"))
    said = recipe.to_dict()["optimizer"]
    players = objective.players()
    own = {name: {**said, "steps": 1, **said.get(name, {})} for name in players}
    most = max(one["steps"] for one in own.values())
    adams = {
        name: torch.optim.Adam(player.parameters(), betas=(own[name]["beta1"], own[name]["beta2"]))
        for name, player in players.items()
    }
    for step in range(steps):
        share = 1.0 if step <= 2 else 1.0 - 0.9 * (step - 2) / 6  # full for 2 of 8 steps, then down to a tenth

        def upcoming(ahead: int, step: int = step):
            return dataset.batch(step + ahead, 32, 3)

        moment = Moment(step, step / 8, 3, 32, torch.device("cpu"), Alone(), upcoming)
        if objective.due(moment):
            objective.prepare(moment)
        for update in objective.updates(upcoming(0), moment):
            if (step + 1) % (most // own[update.player]["steps"]):
                continue
            adam = adams[update.player]
            adam.param_groups[0]["lr"] = own[update.player]["lr"] * share
            adam.zero_grad()
            update.closure().value.backward()
            adam.step()
    return players


@pytest.mark.parametrize(
    "method",
    [
        {"objective": "gan"},
        {
            "objective": {"name": "imle-gan", "until": 0.7},
            "distance": "pixels",
            "matching": {"name": "nearest", "pool": 64, "refresh": 3},
        },
        {"loss": "wasserstein", "optimizer.discriminator.steps": 3},
        {
            "prior": {"name": "dynamic-mixture", "dim": 2, "components": 3},
            "optimizer.discriminator": {"beta1": 0.0, "beta2": 0.7, "steps": 4},
            "optimizer.generator.steps": 2,
            "optimizer.prior": {"lr": 0.2, "beta2": 0.95},
        },
    ],
    ids=["gan", "imle-gan", "three steps of the critic", "a prior that takes a step of its own in four"],
)
def test_every_player_takes_its_own_steps_of_adam_at_the_rate_of_the_schedule(method):
    options = {f"optimizer.{key}": value for key, value in OPTIMIZER.items()}
    recipe = load_recipe("ring/gan", {**PLANE, **options, **method})
    trainer = make_trainer(recipe)
    trainer.fit([])
    assert trainer.step == 8
    for name, player in by_hand(recipe, 8).items():
        for key, value in player.state_dict().items():
            torch.testing.assert_close(trainer.players[name].state_dict()[key], value, msg=f"{name}.{key}")


def test_figures_of_the_generator_stay_until_its_next_step():
    trainer = make_trainer(load_recipe("ring/gan", {**PLANE, "optimizer.discriminator.steps": 2}))
    seen = []
    for _ in range(4):
        trainer.one_step()
        seen.append(trainer.losses.get("generator/loss"))
    assert seen[0] is None
    assert seen[1] is seen[2]
    assert seen[3] is not seen[1]


def test_the_norm_of_every_players_gradient_is_told():
    trainer = make_trainer(load_recipe("ring/gan", PLANE))
    trainer.one_step()
    for name, player in trainer.players.items():
        squares = sum(float(weights.grad.double().square().sum()) for weights in player.parameters())
        assert float(trainer.losses[f"{name}/gradient"]) == pytest.approx(squares**0.5, rel=1e-5)


def test_the_average_is_the_exponential_one_with_its_warm_up_of_weights_and_of_statistics():
    trainer = make_trainer(load_recipe("stacked-digits/gan", {**STACKED, "ema": 0.3}))
    generator, expected = trainer.players["generator"], {}
    for step in range(6):
        trainer.one_step()
        decay = min(0.3, (1 + step) / (10 + step))  # 0.1, 0.18, 0.25, 0.3, 0.3, ...
        for key, value in generator.state_dict().items():
            kept = expected.get(key, value)
            expected[key] = decay * kept + (1 - decay) * value
    got = trainer.kept.generator.state_dict()
    assert "running_mean" in " ".join(got)
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, rtol=1e-4, atol=1e-6)
        last = generator.state_dict()[key]
        assert not torch.allclose(got[key], last, rtol=1e-4, atol=1e-6), key


def test_averages_move_on_when_their_player_does():
    steps = {"optimizer.discriminator.steps": 4, "optimizer.generator.steps": 2}
    mixture = {"prior": {"name": "dynamic-mixture", "dim": 2, "components": 3}}
    whole, again = (make_trainer(load_recipe("ring/gan", {**PLANE, **mixture, **steps, "ema": 0.3})) for _ in range(2))
    moved, expected = {"generator": 0, "prior": 0}, {}
    for step in range(8):
        whole.one_step()
        for name in [name for name, every in {"generator": 2, "prior": 4}.items() if (step + 1) % every == 0]:
            decay = min(0.3, (1 + moved[name]) / (10 + moved[name]))
            for key, value in whole.players[name].state_dict().items():
                expected[name, key] = torch.lerp(value, expected.get((name, key), value), decay)
            moved[name] += 1
        if step == 4:
            again.load_state(*copy.deepcopy(whole.state()))
    for _ in range(3):
        again.one_step()
    for trainer in (whole, again):
        kept = {"generator": trainer.kept.generator, "prior": trainer.prior}
        for (name, key), value in expected.items():
            torch.testing.assert_close(kept[name].state_dict()[key], value, msg=f"{name}.{key}")


def test_the_model_that_is_kept_is_the_average():
    trainer = make_trainer(load_recipe("ring/gan", {**PLANE, "ema": 0.9}))
    for _ in range(4):
        trainer.one_step()
    made = current_model(trainer).sample(5, seed=0)
    z = trainer.objective.prior.sample(5, torch.Generator()).z  # of any latents: the two generators differ
    average, last = (copy.deepcopy(one).eval() for one in (trainer.kept.generator, trainer.players["generator"]))
    assert not torch.allclose(average(z), last(z))
    trainer.players["generator"].load_state_dict(average.state_dict())
    assert torch.equal(current_model(trainer).sample(5, seed=0), made)
    with torch.no_grad():
        next(trainer.kept.generator.parameters()).add_(1)
    assert not torch.equal(current_model(trainer).sample(5, seed=0), made)


@pytest.mark.parametrize(("data", "examples"), [({}, None), ({"data.fixed": 48}, 48)])
def test_a_moment_says_how_many_examples_come_again_and_again(data, examples):
    trainer = make_trainer(load_recipe("stacked-digits/gan", {**STACKED, **data}))
    assert trainer.moment().examples == examples
    assert trainer.moment().upcoming(1).index.tolist() == trainer.dataset.batch(1, 32, 3).index.tolist()


def test_networks_are_trained_in_training_mode():
    trainer = make_trainer(load_recipe("stacked-digits/gan", STACKED))
    before = {key: value.clone() for key, value in trainer.players["generator"].named_buffers()}
    trainer.one_step()
    assert all(module.training for player in trainer.players.values() for module in player.modules())
    for key, value in trainer.players["generator"].named_buffers():
        assert not torch.equal(value, before[key]), key


class Stumble:
    """An objective one of whose losses is not finite, once, and whose weights come out unharmed."""

    def __init__(self, objective) -> None:
        self.objective = objective

    def __getattr__(self, name: str):
        return getattr(self.objective, name)

    def updates(self, batch, moment):
        for update in self.objective.updates(batch, moment):
            yield replace(update, closure=lambda update=update: self.loss(update, moment.step))

    @staticmethod
    def loss(update: Update, step: int) -> Loss:
        loss = update.closure()
        bad = torch.tensor(torch.inf if step == 2 and update.player == "generator" else 0.0)
        return Loss(loss.value + bad, loss.scalars)


def test_one_loss_that_is_not_finite_is_not_forgotten():
    trainer = make_trainer(load_recipe("ring/gan", PLANE))
    trainer.objective = Stumble(trainer.objective)
    for _ in range(2):
        trainer.one_step()
    trainer.require_finite()
    trainer.one_step()
    with pytest.raises(UserError, match="became NaN or infinite"):
        trainer.require_finite()
    with pytest.raises(UserError, match="became NaN or infinite"):
        trainer.fit([])
    assert all(torch.isfinite(value).all() for value in weights(trainer))


def weights(trainer: Trainer) -> list[Tensor]:
    return [value for player in trainer.players.values() for value in player.state_dict().values()]
