"""``allmodes data``: which data sets there are, fetching one, looking into one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ..answer import columns
from ..base import Answer, Command, Example, Parser
from .recipes import first_line


class Data(Command):
    """List, fetch or describe data."""

    name = "data"
    order = 9
    summary = "List the data sets, fetch one, or say what a folder, archive or array holds."
    about = "Data sets with a known name are kept in the cache folder; a folder of images is used where it is."
    examples = (
        Example("data list", "data sets known by name"),
        Example("data prepare mnist", "fetch one and check it"),
        Example("data info photos/", "what a folder, a .zip, .npy or .npz holds"),
    )

    def configure(self, parser: Parser) -> None:
        parser.usage = "allmodes data list | prepare NAME | info PATH [--skip-damaged] [--json]"
        parser.add_argument("action", choices=("list", "prepare", "info"), metavar="ACTION", help="what to do")
        parser.add_argument("what", nargs="?", metavar="NAME|PATH", help="a data set, a folder, a .zip, .npy or .npz")
        parser.add_argument("--skip-damaged", action="store_true", help="leave out pictures that cannot be read")

    def run(self, arguments: argparse.Namespace) -> Answer:
        if (arguments.action == "list") != (arguments.what is None):
            raise UserError("Write allmodes data list, allmodes data prepare NAME or allmodes data info PATH.")
        if arguments.action == "list":
            return listing()
        found = describe(arguments.what, known_only=arguments.action == "prepare", skip_damaged=arguments.skip_damaged)
        table = columns([(key, as_text(value)) for key, value in found.items() if key != "notes"])
        return Answer(found, "\n".join([table, *(f"Note: {note}" for note in found["notes"])]))


def describe(text: str, *, known_only: bool, skip_damaged: bool) -> dict[str, Any]:
    """Open data, fetching what is not there yet, and say what they are.

    Args:
        text: a data set's name, or a path.
        known_only: refuse paths.
        skip_damaged: leave out pictures of a path that cannot be read.

    Raises:
        UserError: there is no such data, or they are damaged.
    """
    from ...core.configuration import build_part, resolve_part
    from ...core.discovery import find
    from ...data.base import Dataset
    from ...data.images import Images
    from ...data.resolve import PACKAGE, dataset_config

    if known_only:
        find(PACKAGE, Dataset, text)
    asked = dataset_config(text)
    if skip_damaged and asked["name"] != Images.name:
        raise UserError(f"--skip-damaged is for pictures of your own: {text} is known, and whole or not at all.")
    if skip_damaged:
        asked["skip_damaged"] = True
    config = resolve_part(PACKAGE, Dataset, asked, frozenset(), "data")
    data = build_part(PACKAGE, Dataset, config, {})
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in config.items()}
    found: dict[str, Any] = {**plain, "examples": len(data), "shape": list(data.shape)}
    if isinstance(data, Images):
        found["resize"] = data.resize
    law = data.law()
    modes = {} if law is None else {"modes": len(law)}
    return {**found, **modes, "fingerprint": data.fingerprint, "notes": list(data.notes)}


def listing() -> Answer:
    """Names and first lines of documentation."""
    from ...core.discovery import entries
    from ...data.base import Dataset

    found = entries("allmodes.data", Dataset)
    lines = {name: first_line(cls) for name, cls in found.items()}
    return Answer(lines, columns(list(lines.items())))


def as_text(value: Any) -> str:
    """A figure with commas, a shape as 3 x 28 x 28, anything else as it is."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
