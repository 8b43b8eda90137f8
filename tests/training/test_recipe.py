"""Recipes: every packaged one is sound; mistakes are named in one sentence."""

from __future__ import annotations

import pytest
import yaml

from allmodes.core.errors import UserError
from allmodes.training.recipe import load_recipe, parse_overrides, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_complete_and_survives_a_round_trip(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.words["title"]
    assert recipe.words["about"]
    (tmp_path / "again.yaml").write_text(recipe.to_yaml())
    again = load_recipe(tmp_path / "again.yaml")
    assert again.to_dict() == recipe.to_dict()
    assert again.name == name


def test_overrides_reach_parts_and_settings():
    recipe = load_recipe("stacked-digits/imle-gan", {"images": 500, "generator.width": 4, "optimizer.lr": 0.01})
    assert recipe.settings.images == 500
    assert recipe.parts["generator"]["width"] == 4
    assert recipe.optimizer.lr == 0.01
    assert load_recipe("stacked-digits/gan", {"data": "ring"}).parts["data"] == {"name": "ring"}


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


def test_an_unknown_recipe_is_named():
    with pytest.raises(UserError, match="Did you mean 'stacked-mnist/imle-gan'"):
        load_recipe("stacked-mnist/imle-gna")
