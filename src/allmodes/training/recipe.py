"""A recipe: every choice of a training, as YAML. One recipe per result that the project claims.

A recipe names one *part* per room (data, prior, generator, ...), an optimizer and a few settings. A recipe may
extend another and then holds only what differs. Resolved, it is complete: it alone reproduces the run.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ..core.configuration import parameters, resolve_arguments, resolve_part
from ..core.discovery import entries, find
from ..core.errors import UserError, did_you_mean
from ..core.files import parse_yaml, read_text
from ..data.base import Dataset
from ..data.degradations.base import Degradation
from ..data.resolve import dataset_config
from ..distances.base import Distance
from ..matching.base import Matcher
from ..networks.base import Discriminator, Encoder, Generator
from ..objectives.base import Objective
from ..objectives.losses.base import AdversarialLoss
from ..priors.base import Prior
from .settings import Optimizer, Settings, read_optimizer

# part: (room, base class, constructor parameters that come from elsewhere in the recipe)
ROOMS: dict[str, tuple[str, type, frozenset[str]]] = {
    "data": ("allmodes.data", Dataset, frozenset()),
    "degradation": ("allmodes.data.degradations", Degradation, frozenset()),
    "prior": ("allmodes.priors", Prior, frozenset()),
    "generator": ("allmodes.networks.generators", Generator, frozenset({"shape", "latent", "inputs", "labels"})),
    "discriminator": ("allmodes.networks.discriminators", Discriminator, frozenset({"shape", "inputs", "labels"})),
    "encoder": ("allmodes.networks.encoders", Encoder, frozenset({"shape", "components"})),
    "loss": ("allmodes.objectives.losses", AdversarialLoss, frozenset()),
    "distance": ("allmodes.distances", Distance, frozenset()),
    "matching": ("allmodes.matching", Matcher, frozenset()),
}
OF_THE_DATA = frozenset({"data", "degradation"})  # parts that no objective takes
OBJECTIVES = "allmodes.objectives"
PATHS = frozenset({"data", "path", "inputs", "targets"})  # options that are paths, whatever they look like
WORDS = ("title", "about", "published")
TITLED = {  # what a title says: in words, the parts that it is of, and what of them; None for everything
    "other data": (("data",), ("name", "source")),
    "other inputs": (("degradation",), None),
    "another method": (("objective", "matching", "prior", "loss"), ("name",)),
}


@dataclass(frozen=True)
class Recipe:
    """A resolved recipe.

    Args:
        name: what it is called on the command line.
        words: title, about, published figures.
        parts: the resolved part of every room it uses, ``objective`` included.
        optimizer: of all players.
        settings: length, sizes, intervals, device.
    """

    name: str
    words: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]]
    optimizer: Optimizer
    settings: Settings

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in reading order."""
        return {
            "recipe": self.name,
            **self.words,
            **{key: _plain(part) for key, part in self.parts.items()},
            "optimizer": self.optimizer.to_dict(),
            **asdict(self.settings),
        }

    def to_yaml(self) -> str:
        """The complete recipe as YAML."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True, width=100)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@cache
def recipe_names() -> dict[str, str]:
    """The packaged recipes and their titles."""
    root = resources.files("allmodes.recipes")
    found = {}
    for folder in sorted(root.iterdir(), key=lambda item: item.name):
        if folder.is_dir():
            for file in sorted(folder.iterdir(), key=lambda item: item.name):
                if file.name.endswith(".yaml"):
                    name = f"{folder.name}/{file.name.removesuffix('.yaml')}"
                    found[name] = parse_recipe(file.read_text(encoding="utf-8"), name).get("title", "")
    return found


def load_recipe(source: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read, extend, override, check and complete a recipe.

    Args:
        source: a name from :func:`recipe_names`, or a YAML file.
        overrides: ``{"images": 1000, "generator.width": 64, "data": "mnist"}``.

    Raises:
        UserError: no such recipe, broken YAML, an unknown key, a value of the wrong type, a part that is
            missing or that the objective has no use for.
    """
    config = _extended(str(source))
    parts_first = sorted((overrides or {}).items(), key=lambda item: item[0].count("."))
    return _resolve(_changed(config, dict(parts_first)), str(source))


def parse_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """``["--images", "1000", "--generator.width=64"]`` as a dictionary; values are read as YAML.

    Raises:
        UserError: a value is missing, or an argument is no option.
    """
    found: dict[str, Any] = {}
    waiting = list(arguments)
    while waiting:
        option = waiting.pop(0)
        if not option.startswith("--"):
            raise UserError(f"'{option}' is not an option: write --key VALUE, as in --images 1000.")
        key, equals, text = option[2:].partition("=")
        if not equals:
            if not waiting or waiting[0].startswith("--"):
                raise UserError(f"--{key} needs a value, as in --{key} VALUE.")
            text = waiting.pop(0)
        value = _value(text)
        is_path = key.split(".")[-1] in PATHS and value is not None and not isinstance(value, Mapping)
        found[key] = text if is_path else value  # 2024/ is a folder, and so may be 2024
    return found


def _value(text: str) -> Any:
    try:
        value = parse_yaml(text, "a value")
    except UserError:
        return text
    if isinstance(value, str):  # YAML 1.1 reads 1e-3 as text
        try:
            return float(value)
        except ValueError:
            return value
    return value


def parse_recipe(text: str, source: str) -> dict[str, Any]:
    """The mapping that a recipe's YAML holds; raises a UserError that names ``source`` if it holds none."""
    config = parse_yaml(text, source)
    if not isinstance(config, dict):
        raise UserError(f"{source} is not a recipe: it must hold keys such as data, generator and objective.")
    return config


def _read(source: str) -> dict[str, Any]:
    if source in recipe_names():
        file = resources.files("allmodes.recipes").joinpath(f"{source}.yaml")
        return parse_recipe(file.read_text(encoding="utf-8"), source)
    path = Path(source)
    if path.suffix in {".yaml", ".yml"}:
        return parse_recipe(read_text(path), source)
    raise UserError(f"'{source}' is neither a recipe nor a YAML file.{did_you_mean(source, recipe_names())}")


def _extended(source: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    if source in seen:
        raise UserError(f"The recipe {source} extends itself: {' -> '.join([*seen, source])}.")
    config = _read(source)
    parent = config.pop("extends", None)
    base = {} if parent is None else _extended(str(parent), (*seen, source))
    return _changed(base, config)


def _changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with changes. Its title stays, and tells what it was not written of."""
    found = dict(config)
    for key, value in changes.items():
        _override(found, key, value)
    other = [
        words
        for words, (parts, keys) in TITLED.items()
        if any(_said(config.get(part), keys) != _said(found.get(part), keys) for part in parts)
    ]
    if other and config.get("title") and "title" not in changes:
        found["title"] = f"{config['title']}; here with {', '.join(other)}"
    return found


def _said(part: Any, keys: Sequence[str] | None) -> Any:
    return part if keys is None or not isinstance(part, dict) else [part.get(key) for key in keys]


def _override(config: dict[str, Any], key: str, value: Any) -> None:
    """Set ``key``, dotted or not. A part with another name replaces the part; with none it changes arguments.

    What is held out of the data is no matter of which data they are, and stays.
    """
    top, *rest = str(key).split(".")
    for word in reversed(rest):
        value = {word: value}
    if top == "data" and isinstance(value, str):
        value = dataset_config(value)
        value = _held_out(config.get(top), find(*ROOMS[top][:2], value["name"])) | value
    if top in ROOMS or top == "objective":
        value = {"name": value} if isinstance(value, str) else value
    if top in {*ROOMS, "objective", "optimizer"} and not (value is None or isinstance(value, dict)):
        example = "{lr: 0.001}" if top == "optimizer" else "{name: ...}"
        raise UserError(f"'{top}' is {value!r}, but must say what it is in words such as {top}: {example}.")
    old = config.get(top)
    if value is None:
        config.pop(top, None)
    elif isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name"):
        config[top] = {**old, **value} if top != "optimizer" else _merged(old, value)
    else:
        config[top] = value


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the optimizer, changed; what is said of a player joins what was said of it."""
    found = dict(old)
    for key, value in new.items():
        mine = found.get(key)
        found[key] = {**mine, **value} if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return found


def _held_out(part: Any, dataset: type) -> dict[str, Any]:
    """What a part says of it, if that dataset can hold something out."""
    known = {"heldout", "fold"} & parameters(dataset).keys()
    return {key: part[key] for key in known & part.keys()} if isinstance(part, dict) else {}


def _require_kind(objective: str, part: str, name: str) -> None:
    """Refuse a part that is none of those that the objective's constructor takes."""
    room, base, _ = ROOMS[part]
    kind = inspect.signature(find(OBJECTIVES, Objective, objective), eval_str=True).parameters[part].annotation
    if not issubclass(find(room, base, name), kind):
        fitting = list(entries(room, kind))
        raise UserError(
            f"The objective '{objective}' needs another {part} than '{name}': {' or '.join(fitting)}, as in "
            f"--{part} {fitting[0]}."
        )


def _resolve(config: Mapping[str, Any], source: str) -> Recipe:
    setting_names = frozenset(parameters(Settings))
    known = {*WORDS, "recipe", "objective", "optimizer", *ROOMS, *setting_names}
    for key in config:
        if key not in known:
            raise UserError(f"Unknown key '{key}' in {source}.{did_you_mean(key, known)}")
    if "objective" not in config:
        raise UserError(f"{source} has no objective: add objective: {{name: gan}}, for example.")
    objective = config["objective"]
    name = objective if isinstance(objective, str) else objective.get("name", "")
    wanted = [part for part in ROOMS if part in parameters(find(OBJECTIVES, Objective, name))]
    parts: dict[str, Mapping[str, Any]] = {}
    for part, (room, base, given) in ROOMS.items():
        if part == "degradation" and part not in config:
            continue
        if part not in OF_THE_DATA and part not in wanted:
            if part in config:
                raise UserError(f"The objective '{name}' has no use for '{part}': remove it from {source}.")
            continue
        if part not in config:
            raise UserError(f"The objective '{name}' needs '{part}': add it to {source}.")
        parts[part] = resolve_part(room, base, config[part], given, part)
        if part in wanted:
            _require_kind(name, part, parts[part]["name"])
    given = frozenset({*wanted, "examples", "shape", "seed"})
    parts["objective"] = resolve_part(OBJECTIVES, Objective, objective, given, "objective")
    optimizer = read_optimizer(config.get("optimizer", {}), source)
    settings = {key: config[key] for key in setting_names if key in config}
    resolved = resolve_arguments(Settings, settings, frozenset(), "")
    words = {key: config[key] for key in WORDS if key in config}
    return Recipe(config.get("recipe", source), words, parts, optimizer, Settings(**resolved))
