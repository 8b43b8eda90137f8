"""A suite: which recipes are trained side by side, for how long, from which seeds, and by what they are judged.

It is a YAML file, as a recipe is. Only ``members`` must be there: names of recipes, or mappings where a member differs
from its recipe. What is changed comes in this order, later changes over earlier ones: the recipe, the suite's
``overrides``, the member's, the suite's budget, the member's budget; and with ``draws``, hyper-parameters that every
seed but 0 draws for itself, as in comparisons of tuned methods (Lucic et al. 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ..core.errors import UserError, did_you_mean
from ..core.files import parse_yaml, read_text
from ..core.seeding import derive_seed
from ..reports.words import LABELS
from ..training.recipe import Recipe, load_recipe

BUDGETS = ("quick", "full")
MEASURES = ("modes", "kl", "frechet_heldout", "frechet_distance", "recall")  # of these, what the data have
KEYS = frozenset({"title", "about", "members", "seeds", "budgets", "overrides", "draws", "measures"})
MEMBER = frozenset({"recipe", "name", "title", "group", "overrides", "draws", "budgets"})
ELSEWHERE = {"seed": "write seeds beside members, or --seeds", "threads": "give --threads to the suite"}
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One row of a comparison: a recipe, and how it is changed here.

    Args:
        name: unique in the suite.
        recipe: a packaged recipe's name, or a YAML file.
        title: what tables call it.
        group: the table that it stands in.
        changes: to the recipe, by key, with those of the budget.
        draws: values of which a training from another seed than 0 draws one each.
        resolved: the complete recipe, with seed 0.
    """

    name: str
    recipe: str
    title: str
    group: str
    changes: Changes
    draws: Mapping[str, tuple[Any, ...]]
    resolved: Recipe

    @property
    def folder(self) -> str:
        """Of its runs, less the seed."""
        return self.name.replace("/", "-").replace(" ", "-")

    def drawn(self, seed: int) -> dict[str, Any]:
        """What a training from this seed changes further: nothing from seed 0, else a value of each of the draws."""
        return {
            key: values[derive_seed(seed, "draws", key) % len(values)] for key, values in self.draws.items() if seed
        }


@dataclass(frozen=True)
class Suite:
    """A comparison.

    Args:
        name: what it is called on the command line.
        title: in words.
        about: what it shows.
        budget: ``quick`` or ``full``.
        measures: the figures that members are judged by; the first decides who wins.
        seeds: of the trainings of each member.
        members: in the order of the tables.
    """

    name: str
    title: str
    about: str
    budget: str
    measures: tuple[str, ...]
    seeds: tuple[int, ...]
    members: tuple[Member, ...] = field(repr=False)

    def chosen(self, names: Sequence[str]) -> tuple[Member, ...]:
        """The members of these names; ``gan`` stands for ``ring/gan`` and ``grid/gan``.

        Raises:
            UserError: there is no such member.
        """
        known = [member.name for member in self.members]
        for name in names:
            if not any(_called(member, name) for member in known):
                raise UserError(f"'{name}' is no member of the suite {self.name}.{did_you_mean(name, known)}")
        return tuple(m for m in self.members if not names or any(_called(m.name, name) for name in names))


def _called(member: str, name: str) -> bool:
    return name in {member, member.partition("/")[2]}


@cache
def suite_names() -> dict[str, str]:
    """The packaged suites and their titles."""
    files = sorted(resources.files("allmodes.suites").iterdir(), key=lambda item: item.name)
    found = {}
    for file in files:
        if file.name.endswith(".yaml"):
            name = file.name.removesuffix(".yaml")
            found[name] = str(parse_yaml(file.read_text(encoding="utf-8"), name).get("title", name))
    return found


def load_suite(source: str, budget: str = "quick") -> Suite:
    """Read and check a suite, every member's recipe with it.

    Args:
        source: a name from :func:`suite_names`, or a YAML file.
        budget: ``quick`` or ``full``.

    Raises:
        UserError: there is no such suite, or something in it is not as it must be.
    """
    name, config = _read(source)
    _require_known(config, KEYS, source)
    budgets = _budgets(config.get("budgets"), f"{source}: 'budgets'")
    shared = _mapping(config.get("overrides"), f"{source}: 'overrides'")
    entries = config.get("members")
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{source} has no members: list names of recipes under members.")
    draws = _draws(config.get("draws"), f"{source}: 'draws'")
    members = []
    for number, entry in enumerate(entries, 1):
        where = f"{source}: member {number}"
        given = {"recipe": entry} if isinstance(entry, str) else _mapping(entry, where)
        _require_known(given, MEMBER, where)
        if not isinstance(given.get("recipe"), str):
            raise UserError(f"{where} has no recipe: write recipe: and the name of one, or a YAML file.")
        own = _budgets(given.get("budgets"), f"{where}: 'budgets'")
        mine = _mapping(given.get("overrides"), f"{where}: 'overrides'")
        drawn = {**draws, **_draws(given.get("draws"), f"{where}: 'draws'")}
        members.append(_member(given, {**shared, **mine, **budgets[budget], **own[budget]}, drawn, where))
    _require_apart(members, source)
    title, about = (_text(config, key, otherwise, source) for key, otherwise in (("title", name), ("about", "")))
    measures, seeds = (
        _measures(config.get("measures", MEASURES), source),
        _seeds(config.get("seeds", [0]), budget, source),
    )
    return Suite(name, title, about, budget, measures, seeds, tuple(members))


def _read(source: str) -> tuple[str, dict[str, Any]]:
    """Name and content of a suite."""
    if source in suite_names():
        file = resources.files("allmodes.suites").joinpath(f"{source}.yaml")
        return source, _mapping(parse_yaml(file.read_text(encoding="utf-8"), source), source)
    path = Path(source)
    if path.suffix in {".yaml", ".yml"}:
        return path.stem, _mapping(parse_yaml(read_text(path), source), source)
    raise UserError(f"'{source}' is neither a suite nor a YAML file.{did_you_mean(source, suite_names())}")


def _member(given: Mapping[str, Any], changes: Changes, draws: Mapping[str, tuple[Any, ...]], where: str) -> Member:
    recipe = str(given["recipe"])
    file = Path(recipe).suffix in {".yaml", ".yml"}
    name = _text(given, "name", Path(recipe).stem if file else recipe, where)
    for key, instead in ELSEWHERE.items():
        if key in changes or key in draws:
            raise UserError(f"{where}, {name}: '{key}' is set by the suite for every training: {instead}.")
    try:
        resolved = load_recipe(recipe, {**changes, "seed": 0})
        for number in range(max(map(len, draws.values()), default=0)):  # every value is tried once
            load_recipe(recipe, {**changes, **{key: values[number % len(values)] for key, values in draws.items()}})
    except UserError as error:
        raise UserError(f"{where}, {name}: {error}") from error
    group, title = _text(given, "group", data_of(resolved), where), _text(given, "title", name, where)
    return Member(name, recipe, title, group, changes, draws, resolved)


def data_of(recipe: Recipe) -> str:
    """What a table of members with these data is called: the folder's name, or ``ring``, ``stacked-mnist``."""
    data = recipe.parts["data"]
    if data.get("path"):
        return Path(str(data["path"])).name
    return "-".join(str(data[key]) for key in ("name", "source") if data.get(key))


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{where} is {value!r}, but must hold keys with values, as in images: 1000.")
    return {str(key): item for key, item in value.items()}


def _text(given: Mapping[str, Any], key: str, otherwise: str, where: str) -> str:
    """The words, or the number, that a key has; ``otherwise`` where it is left out or empty."""
    value = given.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise UserError(f"{where}: '{key}' is {value!r}, but must be text.")
    return otherwise if value in (None, "") else str(value)


def _require_known(config: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in config:
        if key not in known:
            raise UserError(f"Unknown key '{key}' in {where}.{did_you_mean(key, known)}")


def _budgets(value: Any, where: str) -> dict[str, Changes]:
    given = _mapping(value, where)
    _require_known(given, frozenset(BUDGETS), where)
    return {budget: _mapping(given.get(budget), f"{where}, {budget}") for budget in BUDGETS}


def _draws(value: Any, where: str) -> dict[str, tuple[Any, ...]]:
    given = _mapping(value, where)
    for key, values in given.items():
        if not isinstance(values, list) or not values:
            raise UserError(f"{where}: '{key}' is {values!r}, but must be a list of values to draw from.")
    return {key: tuple(values) for key, values in given.items()}


def _measures(value: Any, source: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise UserError(f"{source}: 'measures' is {value!r}, but must be a list of figures such as [modes, kl].")
    for name in map(str, value):
        if name not in LABELS:
            raise UserError(f"{source}: '{name}' is no measure.{did_you_mean(name, LABELS)}")
    if not LABELS[value[0]].better:
        ranked = [name for name, label in LABELS.items() if label.better]
        raise UserError(f"{source}: '{value[0]}' is neither better large nor small: begin with {', '.join(ranked)}.")
    return tuple(dict.fromkeys(value))


def _seeds(value: Any, budget: str, source: str) -> tuple[int, ...]:
    """Those of the budget, where ``value`` says so, as in ``{quick: [0], full: [0, 1, 2]}``."""
    if isinstance(value, dict):
        _require_known(value, frozenset(BUDGETS), f"{source}: 'seeds'")
        value = value.get(budget, [0])
    whole = isinstance(value, list) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in value)
    if not whole or not value or min(value) < 0:
        raise UserError(f"{source}: 'seeds' is {value!r}, but must be a list of whole numbers such as [0, 1, 2].")
    return tuple(dict.fromkeys(value))


def _require_apart(members: Sequence[Member], source: str) -> None:
    """Refuse members of one name, whose runs would share a folder, or whose rows could not be told apart."""
    for key in ("name", "folder", "title"):
        seen: set[tuple[str, str]] = set()
        for member in members:
            word = (getattr(member, key), member.group if key == "title" else "")
            if word in seen:
                raise UserError(f"{source} has two members of the {key} '{word[0]}': give one of them another.")
            seen.add(word)
