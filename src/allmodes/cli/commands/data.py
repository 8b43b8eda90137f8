"""``allmodes data``: which data sets there are, fetching one, looking into one."""

from __future__ import annotations

import argparse
from typing import Any

from ..answer import columns
from ..base import Answer, Command, Example, Parser


class Data(Command):
    """List, fetch or describe data."""

    name = "data"
    order = 7
    summary = "List the data sets, fetch one, or say what a folder, archive or array holds."
    about = "Data sets with a known name are kept in the cache folder; a folder of images is used where it is."
    examples = (
        Example("data list", "data sets known by name"),
        Example("data prepare mnist", "fetch one and check it"),
        Example("data info photos/", "what a folder, a .zip, .npy or .npz holds"),
    )

    def configure(self, parser: Parser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        actions.add_parser("list", help="data sets known by name")
        prepare = actions.add_parser("prepare", help="fetch a data set and check it")
        prepare.add_argument("what", metavar="NAME", help="a name from allmodes data list")
        info = actions.add_parser("info", help="say what is in it")
        info.add_argument("what", metavar="PATH", help="a folder of images, a .zip, .npy or .npz, or a name")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...data import info, prepare

        if arguments.action == "list":
            return listing()
        found = (prepare if arguments.action == "prepare" else info)(arguments.what)
        return Answer(found, columns([(key, as_text(value)) for key, value in found.items()]))


def listing() -> Answer:
    """Names and first lines of documentation."""
    import inspect

    from ...core.discovery import entries
    from ...data.base import Dataset

    found = entries("allmodes.data", Dataset)  # type: ignore[type-abstract]
    lines = {name: (inspect.getdoc(cls) or "").partition("\n")[0] for name, cls in found.items()}
    return Answer(lines, columns(list(lines.items())))


def as_text(value: Any) -> str:
    """A figure with commas, a shape as 3 x 28 x 28, anything else as it is."""
    if isinstance(value, int):
        return f"{value:,}"
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
