"""The encoder of InfoGAN: what it descends against closed forms, and that it finds the groups into which data fall."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from allmodes.core.errors import UserError
from allmodes.core.workers import Alone
from allmodes.model import load
from allmodes.objectives.base import total
from allmodes.objectives.terms.components import shared_information
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.current import current_model
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

SMALL = {
    "data": {"name": "digits"},
    "generator.width": 8,
    "discriminator.width": 8,
    "encoder.width": 8,
    "threads": 1,
    "device": "cpu",
    "precision": "32-true",
    "batch": 64,
}


def make_trainer(**overrides) -> Trainer:
    recipe = load_recipe("mnist/info-gan", {**SMALL, **overrides})
    fabric, dataset = launch(recipe.settings), build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


def test_information_of_sure_readings_is_that_of_their_labels() -> None:
    rng = np.random.default_rng(0)
    said = rng.integers(4, size=300)
    again = np.where(rng.random(300) < 0.8, said, rng.integers(4, size=300))
    readings = [torch.eye(4)[torch.from_numpy(labels)][None] for labels in (said, again)]
    found = shared_information(*readings, Alone())
    both_ways = mutual_info_score(np.concatenate([said, again]), np.concatenate([again, said]))
    assert float(found) == pytest.approx(both_ways, rel=1e-4)


def test_information_is_not_rounded_in_mixed_precision() -> None:
    torch.manual_seed(0)
    said, again = torch.randn(2, 3, 64, 10).mul(3).softmax(3)
    with torch.autocast("cpu", torch.bfloat16):
        found = shared_information(said, again, Alone())
    torch.testing.assert_close(found, shared_information(said, again, Alone()))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (torch.eye(5).repeat(4, 1), np.log(5)),  # sure, and as many of each
        (torch.full((20, 5), 0.2), 0.0),  # undecided
        (torch.eye(5)[:1].repeat(20, 1), 0.0),  # all the same
    ],
)
def test_information_is_largest_where_readings_are_sure_and_even(readings: torch.Tensor, expected: float) -> None:
    assert float(shared_information(readings[None], readings[None], Alone())) == pytest.approx(expected, abs=1e-5)


def test_processes_have_the_information_and_together_the_gradient_of_the_whole() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 40, 6, dtype=torch.float64)

    def joint(part: torch.Tensor) -> torch.Tensor:
        found = part[0].softmax(1).T @ part[1].softmax(1) / part.shape[1]
        return (found + found.T) / 2

    whole = logits.clone().requires_grad_()
    value = shared_information(whole[:1].softmax(2), whole[1:].softmax(2), Alone())
    value.backward()
    gathered = torch.stack([joint(logits[:, rank::2])[None] for rank in range(2)])
    for rank in range(2):
        mine = logits[:, rank::2].clone().requires_grad_()
        workers = SimpleNamespace(rank=rank, size=2, gather=lambda tensor: gathered)
        found = shared_information(mine[:1].softmax(2), mine[1:].softmax(2), workers)
        assert found.item() == pytest.approx(value.item())
        found.backward()
        assert whole.grad is not None
        assert mine.grad is not None
        torch.testing.assert_close(mine.grad / 2, whole.grad[:, rank::2])  # the mean over processes


def test_the_players_descend_the_error_of_the_components() -> None:
    """The generator's gradient reaches it through the encoder, and leaves the encoder as it is."""
    trainer = make_trainer(images=64)
    objective, moment = trainer.objective, trainer.moment()
    seen = []
    for update in objective.updates(moment.upcoming(0), moment):
        before = {k: v.clone() for k, v in objective.encoder.state_dict().items()}
        for player in trainer.players.values():
            player.zero_grad(set_to_none=True)
        loss = update.closure()
        loss.value.backward()
        seen.append(update.player)
        moved = {
            name for name, player in trainer.players.items() if any(p.grad is not None for p in player.parameters())
        }
        assert moved == {update.player}
        if update.player == "generator":
            assert all(torch.equal(before[k], v) for k, v in objective.encoder.state_dict().items())
            assert float(loss.scalars["error"]) == pytest.approx(np.log(10), abs=0.5)
    assert seen == ["discriminator", "encoder", "generator"]
    assert objective.encoder.training


def test_learnt_weights_are_charged_for_components_that_the_encoder_cannot_read() -> None:
    prior = {"name": "dynamic-mixture", "dim": 8, "components": 3, "weights": "learned"}
    trainer = make_trainer(images=64, prior=prior)
    objective, moment, losses = trainer.objective, trainer.moment(), []
    step = objective.step(moment.upcoming(0), moment)
    for player in ("discriminator", "encoder", "generator"):
        losses.append(total([term for term in objective.terms if term.on(moment) and term.player == player], step))
    assert step.costs is not None
    assert float(step.costs.mean()) == pytest.approx(float(losses[-1].value.detach()), rel=1e-5)


def test_components_become_groups_of_the_data_and_of_the_samples(tmp_path) -> None:
    """Four kinds of images without a word which is which: each gets a component, and the samples of it are of it."""
    kinds = torch.full((4, 1, 8, 8), -1.0)
    for kind, place in enumerate(
        [(slice(4), slice(4)), (slice(4), slice(4, 8)), (slice(4, 8), slice(4)), (slice(3, 5), slice(8))]
    ):
        kinds[(kind, 0, *place)] = 1.0
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (400,), generator=rng)
    images = (kinds[labels] + 0.3 * torch.randn(400, 1, 8, 8, generator=rng)).clamp(-1, 1)
    np.save(tmp_path / "images.npy", ((images[:, 0] + 1) * 127.5).round().byte().numpy())
    trainer = make_trainer(
        **{
            "data": {"name": "images", "path": str(tmp_path / "images.npy")},
            "prior.components": 4,
            "prior.dim": 8,
            "prior.spread": 1.0,
            "objective.settle": 1600,
        },
        images=32 * 150,
        batch=32,
    )
    trainer.fit([])
    model = current_model(trainer)
    components = model.read_components(images)
    table = torch.zeros(4, 4)
    table.index_put_((labels, components), torch.ones(400), accumulate=True)
    assert float(table.max(0).values.sum()) >= 396
    assert sorted(table.argmax(1).tolist()) == [0, 1, 2, 3]
    own = [kinds[labels[components == k].mode().values] for k in range(4)]
    for k in range(4):
        made = model.sample(50, component=k)
        nearest = torch.cdist(made.flatten(1), torch.stack(own).flatten(1)).argmin(1)
        assert int((nearest == k).sum()) >= 45
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert torch.equal(again.read_components(images), components)


def test_what_an_encoder_needs_is_named() -> None:
    with pytest.raises(UserError, match="reads components, and the prior 'gaussian' has none"):
        make_trainer(prior={"name": "gaussian", "dim": 8})
    for option, value, said in (
        ("weight", 0.0, "above 0"),
        ("encoder_weight", -1.0, "above 0"),
        ("views", [], "empty"),
    ):
        with pytest.raises(UserError, match=f"'objective.{option}' is .*{said}|'objective.views' is empty"):
            make_trainer(**{f"objective.{option}": value})
