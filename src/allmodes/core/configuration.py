"""A part of a recipe: a name and the constructor arguments of the class that it names.

``{"name": "gaussian", "dim": 256}`` is a part. The constructor's signature is its schema: jsonargparse checks
types, this file says in one sentence which field is wrong. Arguments that come from elsewhere in the recipe
(the shape of the data, the networks) are *given*, not configured.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from .discovery import find
from .errors import UserError, did_you_mean

T = TypeVar("T")
Part = Mapping[str, Any]

LISTS = (list, tuple, Sequence)  # what takes a list of a recipe
LIKE = {int: "[2, 1]", float: "[0.5, 0.5]", str: "['a', 'b']"}  # lists, by what they hold


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """The constructor's parameters by name, without ``self``."""
    return {key: value for key, value in inspect.signature(cls).parameters.items() if key != "self"}


def resolve_arguments(cls: type, values: Part, given: frozenset[str], field: str) -> dict[str, Any]:
    """Check ``values`` against the constructor of ``cls`` and fill in its defaults.

    Args:
        cls: the class, or a dataclass.
        values: what the recipe says, without the name.
        given: parameters that are not configured.
        field: where in the recipe this is, for messages.

    Raises:
        UserError: an unknown key, a missing one, or a value of the wrong type.
    """
    prefix = f"{field}." if field else ""
    known = {key: value for key, value in parameters(cls).items() if key not in given}
    for key in values:
        if key not in known:
            raise UserError(f"Unknown key '{prefix}{key}'.{did_you_mean(key, known)}")
    resolved: dict[str, Any] = {}
    for key, parameter in known.items():
        if key in values:
            resolved[key] = _checked(cls, values[key], parameter, prefix)
        elif parameter.default is inspect.Parameter.empty:
            raise UserError(f"'{prefix}{key}' is missing: set it in the recipe or with --{prefix}{key} VALUE.")
        else:
            resolved[key] = parameter.default
    return resolved


def _checked(cls: type, value: Any, parameter: inspect.Parameter, prefix: str) -> Any:
    import jsonargparse  # not at the top: the command line's help must not wait for it

    key = parameter.name
    if isinstance(value, Path):
        value = str(value)
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    # this argument alone: another one that is required is none of its business
    parser.add_class_arguments(cls, skip=set(parameters(cls)) - {key}, fail_untyped=False)
    try:
        if value is None and "None" not in str(parameter.annotation):  # the parser would let it pass as not given
            raise ValueError(key)
        return parser.parse_object({key: value}, defaults=False)[key]
    except (jsonargparse.ArgumentError, TypeError, ValueError) as error:
        raise UserError(f"'{prefix}{key}' is {value!r}, but must be {_wanted(cls, parameter)}.") from error


def _wanted(cls: type, parameter: inspect.Parameter) -> str:
    """What a parameter takes, in the words of a recipe: ``one of whole, pair, part``, or ``of type int | null``."""
    known = inspect.signature(cls, eval_str=True).parameters[parameter.name].annotation
    if get_origin(known) is Literal:
        return f"one of {', '.join(map(str, get_args(known)))}"
    kinds = get_args(known) if get_origin(known) in (Union, UnionType) else (known,)
    if any(get_origin(kind) in LISTS for kind in kinds):
        return " or ".join(map(_in_words, kinds))
    kind = parameter.annotation if isinstance(parameter.annotation, str) else inspect.formatannotation(known)
    return f"of type {kind.replace('None', 'null')}"


def _in_words(kind: Any) -> str:
    """One of the types that a list is an alternative to: ``a list such as [2, 1]``, ``auto`` or ``null``."""
    if get_origin(kind) in LISTS:
        return f"a list such as {LIKE.get(get_args(kind)[0], '[a, b]')}"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    return "null" if kind is NoneType else str(kind.__name__)


def resolve_part(package: str, base: type[T], part: Part | str, given: frozenset[str], field: str) -> dict[str, Any]:
    """The complete part, every default filled in: ``{"name": ..., **arguments}``.

    Raises:
        UserError: the part has no name, names nothing in the room, or does not fit the constructor.
    """
    values = {"name": part} if isinstance(part, str) else dict(part)
    name = values.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"'{field}' needs a name, as in {field}: {{name: ...}}.")
    try:
        cls = find(package, base, name)
    except UserError as error:
        raise UserError(f"'{field}': {error}") from error
    return {"name": name, **resolve_arguments(cls, values, given, field)}


def build_part(package: str, base: type[T], part: Part, given: Mapping[str, Any]) -> T:
    """Construct a resolved part; ``given`` supplies the constructor parameters that are not configured."""
    cls = find(package, base, part["name"])
    wanted = parameters(cls)
    arguments = {key: value for key, value in part.items() if key != "name"}
    return cls(**arguments, **{key: value for key, value in given.items() if key in wanted})
