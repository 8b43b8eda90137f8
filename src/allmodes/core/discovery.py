"""Discovery by name: a class is found by being a final subclass in its room.

A room is a package; each public class in one of its modules that derives from the room's base class and has
no subclasses of its own there is an entry. Its name is its class attribute ``name``. Adding an entry is
adding a file; nothing is registered anywhere. Names from recipes and model cards resolve only here, never
as a dotted path, which could run a stranger's code.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from typing import TypeVar

from .errors import UserError, did_you_mean

T = TypeVar("T")


@cache
def _entries(package: str, base: type) -> dict[str, type]:
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        importlib.import_module(module.name)
    found: dict[str, type] = {}
    waiting = [base]
    while waiting:
        cls = waiting.pop()
        waiting.extend(cls.__subclasses__())
        if cls.__module__.startswith(package) and "name" in vars(cls) and not inspect.isabstract(cls):
            found[vars(cls)["name"]] = cls
    return dict(sorted(found.items()))


def entries(package: str, base: type[T]) -> dict[str, type[T]]:
    """All entries of a room, by name.

    Args:
        package: the room, e.g. ``"allmodes.networks.generators"``.
        base: the room's base class.
    """
    return _entries(package, base)  # type: ignore[arg-type]


def find(package: str, base: type[T], name: str) -> type[T]:
    """The entry with this name.

    Raises:
        UserError: no entry has this name.
    """
    known = entries(package, base)
    if name not in known:
        raise UserError(f"'{name}' is no {singular(package)}.{did_you_mean(name, known)}")
    return known[name]


def singular(package: str) -> str:
    """What an entry of a room is called: ``"loss"`` of ``"allmodes.objectives.losses"``."""
    return re.sub(r"(?<=ss)es$|s$", "", package.rsplit(".", 1)[-1])
