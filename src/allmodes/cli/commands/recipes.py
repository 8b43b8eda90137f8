"""``allmodes recipes``: what can be trained, or one recipe explained."""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..answer import columns
from ..base import Answer, Command, Example, Parser

if TYPE_CHECKING:
    from ...training.recipe import Recipe


class Recipes(Command):
    """List the recipes or explain one."""

    name = "recipes"
    order = 1
    summary = "List what can be trained, or explain one recipe."
    about = "A recipe is a YAML file with every choice of a training: data, networks, objective, length."
    examples = (
        Example("recipes", "all recipes with their titles"),
        Example("recipes stacked-digits/imle-gan", "one recipe, part by part"),
        Example("recipes my.yaml", "the same for a file of yours"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("recipe", nargs="?", metavar="NAME", help="a recipe's name, or a YAML file")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...training.recipe import load_recipe, recipe_names

        if arguments.recipe:
            recipe = load_recipe(arguments.recipe)
            return Answer(recipe.to_dict(), explained(recipe))
        titles = recipe_names()
        return Answer(titles, columns(list(titles.items())))


def explained(recipe: Recipe) -> str:
    """A recipe in words: what it shows, then each part with its arguments and what it is."""
    shown = recipe.to_dict()
    sections = [f"{recipe.name}: {recipe.words['title']}" if "title" in recipe.words else recipe.name]
    if "about" in recipe.words:
        sections.append(filled(recipe.words["about"]))
    sections += [part_text(key, shown[key]) for key in recipe.parts]
    settings = {key: value for key, value in shown.items() if key not in {*recipe.parts, *recipe.words, "recipe"}}
    optimizer = settings.pop("optimizer")
    sections.append(f"optimizer: Adam for every player\n{arguments_text(optimizer, 'optimizer.')}")
    sections.append(f"settings\n{arguments_text(settings, '')}")
    sections.append(f"Change any of these on the command line: allmodes train {recipe.name} --images 50000")
    return "\n\n".join(sections)


def part_text(key: str, part: dict[str, Any]) -> str:
    """A part: its name, the first line of its documentation, its arguments as options."""
    from ...core.discovery import find
    from ...objectives.base import Objective
    from ...training.recipe import OBJECTIVES, ROOMS

    room, base = ROOMS[key][:2] if key in ROOMS else (OBJECTIVES, Objective)
    line = first_line(find(room, base, part["name"]))
    values = {name: value for name, value in part.items() if name != "name"}
    return "\n".join(filter(None, [f"{key}: {part['name']}", f"  {line}", arguments_text(values, f"{key}.")]))


def first_line(documented: type) -> str:
    """What a class is, in the first line of its documentation, without the marks of references.

    >>> first_line(type("Ring", (), {"__doc__": "Eight modes, see :class:`allmodes.data.Grid`."}))
    'Eight modes, see Grid.'
    """
    line = (inspect.getdoc(documented) or "").partition("\n")[0]
    return re.sub(r":\w+:`(?:[\w.~]*\.)?(\w+)`", r"\1", line)


def arguments_text(values: dict[str, Any], prefix: str) -> str:
    """Arguments as the options that change them, with their values as they are typed."""
    return columns([(f"  --{name}", "null" if value is None else str(value)) for name, value in _flat(values, prefix)])


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Arguments with their whole names, those within others, too: what a player has of its own."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def filled(text: str) -> str:
    """A paragraph in lines of 100 characters."""
    return textwrap.fill(" ".join(text.split()), 100)
