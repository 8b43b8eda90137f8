"""A prior with parameters descends what its generator does, and is kept as its average."""

from __future__ import annotations

import copy

import pytest
import torch
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.model import load
from allmodes.objectives.terms.base import fresh_latents
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.checkpoint import load_newest, save
from allmodes.training.current import current_model
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

SMALL = {"threads": 1, "device": "cpu", "precision": "32-true", "images": 32 * 8, "batch": 32, "generator.width": 8}
IMPLICIT = {"prior": {"name": "implicit", "dim": 4, "noise": 2, "width": 8}}
MATCHED = {"distance": "pixels", "matching": {"name": "nearest", "pool": 64, "refresh": 3}}
GANS: dict[str, tuple[str, dict]] = {
    "gan": ("ring/gan", {}),
    "unrolled-gan": ("ring/gan", {"objective": {"name": "unrolled-gan", "unroll": 2}}),
    "imle-gan": ("ring/gan", {"objective": "imle-gan", **MATCHED}),
    "fastgan": (
        "stacked-digits/gan",
        {
            "objective": "fastgan",
            "data": {"name": "digits"},
            "generator": {"name": "fastgan", "width": 8},
            "discriminator": {"name": "fastgan", "width": 8},
            "prior.dim": 16,
        },
    ),
}


def make_trainer(method: str, **overrides) -> Trainer:
    base, extra = GANS[method]
    recipe = load_recipe(base, {**SMALL, **IMPLICIT, **extra, **overrides})
    fabric, dataset = launch(recipe.settings), build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


@pytest.mark.parametrize("method", GANS)
def test_its_gradient_is_that_of_the_generators_loss_through_the_latents(method):
    trainer = make_trainer(method)
    objective, moment = trainer.objective, trainer.moment()
    if objective.due(moment):
        objective.prepare(moment)
    batch = moment.upcoming(0)
    whole = step_of(
        objective, batch.images, objective.generator(fresh_latents(objective.prior, batch, moment).z), moment
    )
    whole.batch = batch
    turn(objective, "discriminator", whole)
    parameters = list(objective.prior.parameters())
    expected = torch.autograd.grad(turn(objective, "generator", whole).value, parameters)
    turns = []
    for update in objective.updates(batch, moment):
        trainer.players[update.player].zero_grad(set_to_none=True)
        update.closure().value.backward()
        turns.append(update.player)
    assert turns == ["discriminator", "generator", "prior"]
    for parameter, gradient in zip(parameters, expected, strict=True):
        assert float(gradient.norm()) > 0
        torch.testing.assert_close(parameter.grad, gradient)


def test_latents_that_are_matched_give_it_no_turn():
    trainer = make_trainer("imle-gan", objective={"name": "imle-gan", "judged": "matched", "until": 0.5})
    objective, turns = trainer.objective, []
    for _ in range(8):
        moment = trainer.moment()
        trainer.one_step()
        turns.append("prior" in [update.player for update in objective.updates(moment.upcoming(0), moment)])
    assert turns == [False] * 4 + [True] * 4


def test_a_prior_without_parameters_is_no_player():
    assert list(make_trainer("gan", prior={"name": "gaussian-mixture", "dim": 4}).players) == [
        "generator",
        "discriminator",
    ]


def test_the_model_has_its_average_in_checkpoints_and_after_them(tmp_path):
    trainer = make_trainer("gan", ema=0.3)
    player, expected = trainer.players["prior"], {}
    for step in range(6):
        trainer.one_step()
        decay = min(0.3, (1 + step) / (10 + step))
        for key, value in player.state_dict().items():
            expected[key] = decay * expected.get(key, value) + (1 - decay) * value
        if step == 2:
            save(tmp_path, *trainer.state())
    for key, value in current_model(trainer).prior.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, player.state_dict()[key])
    again = make_trainer("gan", ema=0.3)
    found = load_newest(tmp_path)
    assert found is not None
    again.load_state(*found)
    for _ in range(3):
        again.one_step()
    first, same = (current_model(one).prior.sample(9, stream(0, "z")).z for one in (trainer, again))
    assert torch.equal(first, same)
    current_model(again).save(tmp_path / "model")
    assert torch.equal(load(tmp_path / "model").prior.sample(9, stream(0, "z")).z, first)


def test_going_back_to_a_model_takes_its_prior_too():
    trainer = make_trainer("gan")
    trainer.one_step()
    trainer.look(0.0)
    then = current_model(trainer).sample(9)
    trainer.one_step()
    assert not torch.equal(current_model(trainer).sample(9), then)
    trainer.go_back()
    assert torch.equal(current_model(trainer).sample(9), then)


@pytest.mark.parametrize(
    "untrained",
    [
        {"objective": "imle", "discriminator": None, "loss": None},
        {"objective": {"name": "imle-gan", "judged": "matched", "until": None}},
    ],
    ids=["imle", "matched to the end"],
)
def test_a_prior_that_would_stay_untrained_is_refused(untrained):
    recipe = load_recipe("ring/gan", {**SMALL, **MATCHED, **IMPLICIT, **untrained})
    with pytest.raises(UserError, match="'implicit' untrained"):
        build_objective(recipe, build_dataset(recipe), torch.device("cpu"))


@pytest.mark.parametrize("method", ["gan", "unrolled-gan"])
def test_weights_of_a_mixture_learn_from_what_samples_cost_and_go_on_where_they_stopped(method):
    mixture = {"name": "dynamic-mixture", "dim": 4, "components": 3, "weights": "learned"}
    whole, again = (make_trainer(method, prior=mixture) for _ in range(2))
    for step in range(6):
        whole.one_step()
        if step == 2:
            again.load_state(*copy.deepcopy(whole.state()))
    for _ in range(3):
        again.one_step()
    for one, other in ((whole.players["prior"], again.players["prior"]), (whole.prior, again.prior)):
        assert torch.equal(one.weights(), other.weights())
        assert len(set(one.weights().tolist())) == 3
    assert torch.equal(current_model(whole).sample(20), current_model(again).sample(20))


def test_a_mixture_descends_what_holds_its_factors_beside_the_generators_loss():
    slopes = []
    for pull in (0.0, 0.5):
        mixture = {"name": "dynamic-mixture", "dim": 4, "components": 3, "sigma": 0.2, "pull": pull}
        trainer = make_trainer("gan", prior=mixture)
        with torch.no_grad():
            trainer.objective.prior.factors.fill_(0.5)
        moment = trainer.moment()
        for update in trainer.objective.updates(moment.upcoming(0), moment):
            trainer.players[update.player].zero_grad(set_to_none=True)
            update.closure().value.backward()
        slopes.append(trainer.objective.prior.factors.grad)
    expected = 0.5 * 2 * (0.5 / 0.2 - 1) / 0.2 / 12  # of lambda (A / sigma - 1)^2 / (K d)
    torch.testing.assert_close(slopes[1] - slopes[0], torch.full((3, 4), expected))
