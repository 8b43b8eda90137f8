"""Recipes: every packaged one is sound; mistakes are named in one sentence."""

from __future__ import annotations

import pytest
import torch
import yaml
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe, parse_overrides, recipe_names
from allmodes.training.trainer import Trainer


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_complete_and_survives_a_round_trip(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.words["title"]
    assert recipe.words["about"]
    (tmp_path / "again.yaml").write_text(recipe.to_yaml())
    again = load_recipe(tmp_path / "again.yaml")
    assert again.to_dict() == recipe.to_dict()
    assert again.name == name


def test_a_title_tells_what_it_was_not_written_of(tmp_path):
    name = "super-resolution/conditional-imle"
    title = load_recipe(name, {"images": 500, "data.size": 32, "degradation": "downsample"}).words["title"]
    assert title == "Conditional IMLE, faces enlarged eight times"
    mine = {"data": str(tmp_path), "degradation.factor": 4, "matching": None, "objective": "regression"}
    for changes, other in (
        ({"data": str(tmp_path)}, "other data"),
        ({"degradation.factor": 4}, "other inputs"),
        (mine, "other data, other inputs, another method"),
    ):
        assert load_recipe(name, changes).words["title"] == f"{title}; here with {other}"
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"extends": name, "data": str(tmp_path)}))
    assert load_recipe(path).words["title"] == f"{title}; here with other data"
    path.write_text(yaml.safe_dump({"extends": name, "data": str(tmp_path), "title": "Birds"}))
    assert load_recipe(path).words["title"] == "Birds"


def test_no_packaged_title_is_of_other_data():
    titles = [load_recipe(name).words["title"] for name in recipe_names()]
    assert not any("here with" in title for title in titles)


def test_answers_to_pairs_are_not_bound_to_inputs_that_may_be_no_smaller_copies():
    assert load_recipe("conditional/pairs").parts["generator"]["consistent"] == 0
    assert load_recipe("super-resolution/conditional-imle").parts["generator"]["consistent"] == 2


def test_an_argument_of_a_part_that_takes_none_is_refused_in_a_whole_sentence():
    changes = {"degradation": "grey", "degradation.factor": 4}
    with pytest.raises(UserError, match=r"Unknown key 'degradation.factor'\. There are none: leave it out\.$"):
        load_recipe("super-resolution/conditional-imle", changes)


def test_overrides_reach_parts_and_settings():
    recipe = load_recipe("stacked-digits/imle-gan", {"images": 500, "generator.width": 4, "optimizer.lr": 0.01})
    assert recipe.settings.images == 500
    assert recipe.parts["generator"]["width"] == 4
    assert recipe.optimizer.lr == 0.01
    assert load_recipe("stacked-digits/gan", {"data": "ring"}).parts["data"] == {"name": "ring"}


def test_what_a_player_has_of_its_own_joins_what_the_parent_says_and_survives(tmp_path):
    path = tmp_path / "mine.yaml"
    own = {"extends": "few-shot/imle-gan", "optimizer": {"lr": 0.01, "discriminator": {"steps": 2}, "generator": {}}}
    path.write_text(yaml.safe_dump(own))
    said = load_recipe(path, {"optimizer.discriminator.beta1": 0.5}).to_dict()["optimizer"]
    assert (said["lr"], said["discriminator"]) == (0.01, {"lr": 0.0005, "beta1": 0.5, "steps": 2})
    assert "generator" not in said
    path.write_text(yaml.safe_dump({**own, "optimizer": said}))
    assert load_recipe(path).to_dict()["optimizer"] == said
    assert "discriminator" not in load_recipe(path, {"optimizer.discriminator": None}).to_dict()["optimizer"]
    changes = {"optimizer.discriminator.lr": 0.2, "optimizer.discriminator": None}
    assert load_recipe("ring/gan", changes).to_dict()["optimizer"]["discriminator"] == {"lr": 0.2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior.lr": 0.1}, r"'optimizer.prior' is of no player: here they are generator and discriminator\."),
        ({"generator.steps": 2}, r"'optimizer.generator.steps' is 2, but must be at most 1, as for discriminator"),
        ({"generator.steps": 2, "discriminator.steps": 3}, r"'optimizer.generator.steps' is 2, but must divide"),
    ],
)
def test_what_is_said_of_players_must_fit_those_of_the_objective(changes, message):
    recipe = load_recipe("ring/gan", {f"optimizer.{key}": value for key, value in changes.items()})
    dataset = build_dataset(recipe)
    objective = build_objective(recipe, dataset, torch.device("cpu"))
    with pytest.raises(UserError, match=message):
        Trainer(recipe, objective, dataset=dataset, fabric=launch(recipe.settings))


def test_a_folder_of_photographs_is_taken_at_64_and_a_fifth_is_held_out(tmp_path):
    part = load_recipe("few-shot/photos", {"data": str(tmp_path)}).parts["data"]
    assert (part["name"], part["path"], part["size"], part["heldout"]) == ("images", tmp_path, 64, 0.2)
    part = load_recipe("few-shot/photos", {"data": str(tmp_path), "data.size": 128, "data.heldout": 0}).parts["data"]
    assert (part["size"], part["heldout"]) == (128, 0)


def test_what_is_held_out_stays_with_other_data_that_can_hold_out():
    assert load_recipe("few-shot/photos", {"data": "raccoon"}).parts["data"]["heldout"] == 0.2
    fold = load_recipe("few-shot/photos", {"data": "raccoon", "data.fold": 1}).parts["data"]
    assert (fold["heldout"], fold["fold"]) == (0.2, 1)
    assert "heldout" not in load_recipe("few-shot/photos", {"data": "ring"}).parts["data"]
    assert load_recipe("few-shot/imle", {"data": "raccoon"}).parts["data"]["heldout"] == 0
    explicit = load_recipe("few-shot/photos", {"data": {"name": "raccoon"}}).parts["data"]
    assert explicit["heldout"] == 0


def test_the_order_of_overrides_does_not_matter():
    changes = {"distance.pool": 2, "distance": "pixels", "images": 5}
    for some in (changes, dict(reversed(changes.items()))):
        assert load_recipe("ring/imle", some).parts["distance"] == {"name": "pixels", "pool": 2}


def test_a_file_that_extends_nothing_is_read_as_one_that_does(tmp_path):
    (tmp_path / "2024").mkdir()
    whole = load_recipe("ring/imle").to_dict() | {"matching": "nearest", "distance": "pixels", "data": "ring"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(whole))
    assert load_recipe(path, {"matching.pool": 77}).parts["matching"]["pool"] == 77
    path.write_text(yaml.safe_dump(whole | {"data": f"{tmp_path}/2024"}))
    with pytest.raises(UserError, match="There are no images in"):
        build_dataset(load_recipe(path))


def test_a_folder_whose_name_is_a_number_is_a_folder():
    assert parse_overrides(["--data", "2024", "--data.path", "007"]) == {"data": "2024", "data.path": "007"}
    assert parse_overrides(["--data", "{name: mnist}"]) == {"data": {"name": "mnist"}}


def test_overrides_are_read_as_yaml():
    arguments = ["--images", "1000", "--optimizer.lr=1e-3", "--data", "mnist", "--data.path", "/x/y"]
    expected = {"images": 1000, "optimizer.lr": 0.001, "data": "mnist", "data.path": "/x/y"}
    assert parse_overrides(arguments) == expected
    with pytest.raises(UserError, match="--images needs a value"):
        parse_overrides(["--images"])
    with pytest.raises(UserError, match="'images' is not an option"):
        parse_overrides(["images"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"imges": 5}, r"Unknown key 'imges'.*Did you mean 'images'"),
        ({"generator.widht": 5}, r"Unknown key 'generator.widht'. Did you mean 'width'"),
        ({"images": "many"}, r"'images' is 'many', but must be of type int"),
        ({"images": 0}, r"'images' is 0, but must be at least 1"),
        ({"matching": "nearest"}, r"The objective 'gan' has no use for 'matching'"),
        ({"loss": None}, r"The objective 'gan' needs 'loss'"),
        ({"objective": "gam"}, r"'gam' is no objective. Did you mean 'gan'"),
        ({"generator": "dcgan-265"}, r"'generator': 'dcgan-265' is no generator. Did you mean 'dcgan-256'"),
        ({"optimizer.beta3": 1}, r"Unknown key 'optimizer.beta3'"),
        ({"data": "/no/such/folder"}, r"/no/such/folder"),
        ({"generator": 5}, r"'generator' is 5, but must say what it is in words such as generator: {name: ...}"),
        ({"objective": ["imle"]}, r"'objective' is \['imle'\], but must say what it is"),
        (
            {"optimizer": "adam"},
            r"'optimizer' is 'adam', but must say what it is in words such as optimizer: {lr: 0.001}",
        ),
        ({"seed": -1}, r"'seed' is -1, but must be at least 0"),
        ({"optimizer.lr": -1.0}, r"'optimizer.lr' is -1.0, but must be above 0"),
        ({"optimizer.beta1": 1.0}, r"'optimizer.beta1' is 1.0, but must be from 0 to below 1"),
        ({"optimizer.prior": 0.1}, r"Unknown key 'optimizer.prior'.*is written --optimizer.prior.lr"),
        ({"optimizer.discriminator.lrr": 0.1}, r"Unknown key 'optimizer.discriminator.lrr'. Did you mean 'lr'"),
        ({"optimizer.discriminator.lr": 0.0}, r"'optimizer.discriminator.lr' is 0.0, but must be above 0"),
        ({"optimizer.prior.beta2": 1.0}, r"'optimizer.prior.beta2' is 1.0, but must be from 0 to below 1"),
        ({"optimizer.prior.steps": 0}, r"'optimizer.prior.steps' is 0, but must be at least 1"),
        (
            {"optimizer.discriminator_lr": 0.1, "optimizer.discriminator_steps": 5},
            r"write optimizer: {discriminator: {lr: 0.1, steps: 5}}, or type --optimizer.discriminator.lr 0.1 --optimi",
        ),
        (
            {"optimizer": {"discriminator_lr": None, "discriminator_steps": 1}},
            r"has 'optimizer.discriminator_lr' and 'optimizer.discriminator_steps', as earlier versions had: leave",
        ),
        ({"generator": {5: 3}}, r"Unknown key 'generator.5'"),
        ({"optimizer.constant": 1.5}, r"'optimizer.constant' is 1.5, but must be from 0 to 1"),
        ({"ema": float("nan")}, r"'ema' is nan, but must be from 0 to below 1"),
        ({"threads": 10**9}, r"'threads' is 1000000000, but must be at most 1,024"),
        ({"precision": "16-mixed"}, r"'precision' is '16-mixed', but must be one of auto, 32-true, bf16-mixed"),
        ({"loss": "foo"}, r"'loss': 'foo' is no loss\."),
    ],
)
def test_a_mistake_is_named(overrides, message):
    with pytest.raises(UserError, match=message):
        load_recipe("stacked-digits/gan", overrides)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "not valid YAML"),
        ("just words", "is not a recipe"),
        ("1: 2", "Unknown key '1'"),
        ("title: x", "has no objective"),
        ("extends: stacked-digits/gam", "Did you mean 'stacked-digits/gan'"),
        (yaml.safe_dump({"extends": "SELF"}), "extends itself"),
    ],
)
def test_a_broken_file_is_named(text, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("SELF", str(path)))
    with pytest.raises(UserError, match=message):
        load_recipe(path)


def test_a_file_in_another_encoding_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes("title: caf\u00e9".encode("latin-1"))
    with pytest.raises(UserError, match="is not text in UTF-8"):
        load_recipe(path)


def test_an_unknown_recipe_is_named():
    with pytest.raises(UserError, match="Did you mean 'stacked-mnist/imle-gan'"):
        load_recipe("stacked-mnist/imle-gna")


def test_what_data_leave_out_is_said_when_they_are_opened(tmp_path, capsys):
    for number in range(20):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
    (tmp_path / "torn.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"torn.png .* leave it out with --skip-damaged \(in training --data.skip_dam"):
        build_dataset(load_recipe("few-shot/gan", {"data": str(tmp_path)}))
    changes = parse_overrides(["--data", str(tmp_path), "--data.skip_damaged", "true"])
    assert len(build_dataset(load_recipe("few-shot/gan", changes))) == 20
    assert "note: 1 of 21 pictures left out: " in capsys.readouterr().err
