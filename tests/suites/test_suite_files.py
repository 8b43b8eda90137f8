"""Suites as files: what a member is trained with, and the one sentence about each thing that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from allmodes.core.errors import UserError
from allmodes.suites.base import BUDGETS, load_suite, suite_names
from allmodes.suites.trainings import Training, as_words
from allmodes.training.recipe import load_recipe, parse_overrides, recipe_names


def written(tmp_path: Path, **keys: object) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"members": ["ring/gan"], **keys}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("name", suite_names())
def test_every_packaged_suite_is_whole(name: str, budget: str) -> None:
    suite = load_suite(name, budget)
    assert suite.title != name
    assert suite.about
    assert {member.recipe for member in suite.members} <= set(recipe_names())
    groups = {member.group: [one.group for one in suite.members].count(member.group) for member in suite.members}
    assert min(groups.values()) > 1, "a table of one member compares nothing"


def test_a_member_is_its_recipe_with_changes_in_their_order(tmp_path: Path) -> None:
    member = {
        "recipe": "ring/gan",
        "name": "mine",
        "overrides": {"batch": 64, "ema": 0.5, "images": 3},
        "budgets": {"quick": {"ema": 0.25}},
    }
    source = written(
        tmp_path,
        members=["ring/imle", member],
        overrides={"images": 1, "batch": 32, "log_every": 7},
        budgets={"quick": {"images": 2, "ema": 0.125}},
    )
    plain, mine = load_suite(source).members
    settings = mine.resolved.settings
    assert (settings.images, settings.batch, settings.ema, settings.log_every) == (2, 64, 0.25, 7)
    assert (plain.resolved.settings.images, plain.resolved.settings.ema) == (2, 0.125)
    full = load_suite(source, "full").members[1].resolved.settings
    assert (full.images, full.ema) == (3, 0.5)
    assert (plain.name, plain.group, mine.name, mine.folder) == ("ring/imle", "ring", "mine", "mine")


def test_a_recipe_of_ones_own_is_called_as_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine-gan.yaml").write_text("extends: ring/gan\ntitle: My GAN\n")
    suite = load_suite(written(tmp_path, members=["ring/gan", str(tmp_path / "mine-gan.yaml")]))
    mine = suite.members[1]
    assert (mine.name, mine.title, mine.folder) == ("mine-gan", "mine-gan", "mine-gan")
    assert suite.chosen(["mine-gan"]) == (mine,)
    assert Training(mine, 0, 1, tmp_path).words[1] == str(tmp_path / "mine-gan.yaml")


def test_seeds_may_differ_by_budget(tmp_path: Path) -> None:
    source = written(tmp_path, seeds={"full": [2, 1, 2]})
    assert [load_suite(source, budget).seeds for budget in BUDGETS] == [(0,), (2, 1)]


def test_every_seed_but_the_first_draws_its_hyper_parameters(tmp_path: Path) -> None:
    rates, clips = [1e-4, 2e-4, 5e-4], [0.01, 0.1]
    member = {"recipe": "ring/gan", "name": "b", "draws": {"optimizer.beta1": clips}}
    source = written(tmp_path, members=["ring/gan", member], draws={"optimizer.lr": rates}, overrides={"ema": 0.5})
    plain, own = load_suite(source).members
    first = Training(plain, 0, 1, tmp_path).recipe
    assert first.optimizer.lr == load_recipe("ring/gan").optimizer.lr
    seen = [Training(own, seed, 1, tmp_path).recipe for seed in range(1, 40)]
    assert {one.optimizer.lr for one in seen} == set(rates)
    assert {one.optimizer.beta1 for one in seen} == set(clips)
    assert {(one.optimizer.lr, one.optimizer.beta1) for one in seen} == {(a, b) for a in rates for b in clips}
    again = Training(plain, 7, 1, tmp_path)
    assert again.recipe.optimizer.lr == seen[6].optimizer.lr  # the same draws for every member
    assert again.recipe.settings.ema == 0.5


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"members": []}, "has no members"),
        ({"members": "ring/gan"}, "has no members"),
        ({"members": ["ring/gna"]}, "member 1, ring/gna: 'ring/gna' is neither a recipe nor a YAML file. Did you mean"),
        ({"members": [{"name": "a"}]}, "member 1 has no recipe"),
        ({"members": [3]}, "member 1 is 3"),
        ({"members": [{"recipe": "ring/gan", "overide": {}}]}, "Did you mean 'overrides'?"),
        ({"members": [{"recipe": "ring/gan", "overrides": {"imagse": 1}}]}, "Did you mean 'images'?"),
        ({"members": ["ring/gan", "ring/gan"]}, "two members of the name 'ring/gan'"),
        ({"members": ["ring/gan", {"recipe": "ring/gan", "name": "ring-gan"}]}, "two members of the folder"),
        ({"members": ["ring/gan", {"recipe": "ring/imle", "title": "ring/gan"}]}, "two members of the title"),
        ({"member": []}, "Unknown key 'member'"),
        ({"seeds": ["0"]}, "'seeds' is ['0']"),
        ({"seeds": [True]}, "'seeds' is [True]"),
        ({"seeds": [-1]}, "'seeds' is [-1]"),
        ({"seeds": []}, "'seeds' is []"),
        ({"seeds": 3}, "'seeds' is 3"),
        ({"seeds": {"long": [0]}}, "Unknown key 'long'"),
        ({"seeds": {"quick": 0}}, "'seeds' is 0"),
        ({"draws": {"optimizer.lr": 0.1}}, "'optimizer.lr' is 0.1"),
        ({"draws": {"optimizer.lr": []}}, "'optimizer.lr' is []"),
        ({"draws": {"optimizer.lrr": [0.1]}}, "Unknown key 'optimizer.lrr'"),
        ({"budgets": {"short": {}}}, "Unknown key 'short'"),
        ({"budgets": {"quick": 3}}, "quick is 3"),
        ({"budgets": {"quick": {"images": "many"}}}, "'images' is 'many'"),
        ({"measures": ["mods"]}, "Did you mean 'modes'?"),
        ({"measures": "modes"}, "'measures' is 'modes'"),
        ({"measures": [{"modes": 1}]}, "is no measure"),
        ({"title": {"a": "b"}}, "'title' is {'a': 'b'}, but must be text"),
        ({"members": [{"recipe": "ring/gan", "name": ["a"]}]}, "member 1: 'name' is ['a'], but must be text"),
        ({"overrides": {"seed": 5}}, "'seed' is set by the suite for every training: write seeds beside members"),
        ({"overrides": {"threads": 2}}, "'threads' is set by the suite for every training: give --threads"),
        ({"draws": {"optimizer.lr": [0.1, "fast"]}}, "'optimizer.lr' is 'fast'"),
        ({"measures": ["vendi"]}, "'vendi' is neither better large nor small"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(keys: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        load_suite(written(tmp_path, **keys))
    assert said in str(refused.value)
    assert "mine.yaml" in str(refused.value)


def test_what_is_left_empty_is_as_what_is_left_out(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, title=None, about=None, members=[{"recipe": "ring/gan", "title": ""}]))
    assert (suite.title, suite.about, suite.members[0].title) == ("mine", "", "ring/gan")


def test_a_measure_counts_once(tmp_path: Path) -> None:
    assert load_suite(written(tmp_path, measures=["kl", "modes", "kl"])).measures == ("kl", "modes")


def test_without_measures_members_are_judged_by_what_their_data_have(tmp_path: Path) -> None:
    """Points and stacks have modes; pictures have a distance, from those that were held out if any were."""
    measures = load_suite(written(tmp_path)).measures
    assert measures[:2] == ("modes", "kl")
    assert {"frechet_heldout", "frechet_distance"} <= {*measures}


@pytest.mark.parametrize(("name", "said"), [("nothing.yaml", "Cannot read nothing.yaml"), ("toyz", "neither a suite")])
def test_a_suite_that_is_not_there(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_suite(name)


def test_members_are_chosen_by_name_or_by_method(tmp_path: Path) -> None:
    suite = load_suite(written(tmp_path, members=["ring/gan", "ring/imle", "grid/gan"]))
    assert [member.name for member in suite.chosen(["gan"])] == ["ring/gan", "grid/gan"]
    assert [member.name for member in suite.chosen(["ring/imle"])] == ["ring/imle"]
    assert suite.chosen([]) == suite.members
    with pytest.raises(UserError, match="'imel' is no member of the suite mine"):
        suite.chosen(["imel"])


def test_changes_are_read_back_from_the_command_as_they_are() -> None:
    changes = {
        "images": 1_000,
        "optimizer.lr": 1e-5,
        "optimizer": {"lr": 3e-5, "discriminator": {"steps": 2}},
        "loss": {"name": "relativistic", "gamma": 1.0},
        "published": None,
        "device": "cpu",
        "objective.augmentation": ["colour", "cutout"],
        "title": "no",
        "data": "2024",
    }
    assert parse_overrides(as_words(changes)) == changes


def test_the_command_of_a_training_trains_what_the_suite_checked(tmp_path: Path) -> None:
    member = {"recipe": "ring/gan", "overrides": {"optimizer": {"lr": 1e-5}, "loss": "hinge"}}
    (entrant,) = load_suite(written(tmp_path, members=[member])).members
    training = Training(entrant, 4, 1, tmp_path / "out")
    typed = training.words[training.words.index(str(training.folder)) + 1 :]
    assert load_recipe("ring/gan", parse_overrides(typed)) == training.recipe
    assert training.recipe.settings.seed == 4
    assert training.recipe.optimizer.lr == 1e-5
