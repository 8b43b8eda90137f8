"""The feature space on a command line: ``--distance inception --distance.path weights.pth``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError
from .base import Parser, joined

if TYPE_CHECKING:
    from ..distances.base import Distance

PREFIX = "--distance."


def parse_with_options(parser: Parser, words: Sequence[str]) -> argparse.Namespace:
    """The arguments, with the words ``--distance.KEY=VALUE`` in ``options``.

    Raises:
        UserError: an argument is wrong, or the parser has none such.
    """
    arguments, rest = parser.parse_known_args(joined(words, parser.options))
    unknown = [word for word in rest if not word.startswith(PREFIX)]
    if unknown:
        raise UserError(parser.complaint(unknown[0], words))
    if rest and arguments.distance is None:
        raise UserError(f"'{rest[0]}' is an option of a feature space: name the space with --distance.")
    arguments.options = rest
    return arguments


def chosen_distances(arguments: argparse.Namespace) -> list[Distance]:
    """The feature spaces that were asked for, of which options belong to one alone.

    Raises:
        UserError: there is none of such a name, or options do not fit.
    """
    from ..auditing import open_distance

    if len(arguments.distance) > 1:
        if arguments.options:
            raise UserError(
                f"'{arguments.options[0]}' is an option of one feature space, and --distance names "
                f"{len(arguments.distance)}: name one alone."
            )
        return [open_distance(name) for name in arguments.distance]
    return [open_distance(arguments.distance[0], _options(arguments))]


def chosen_distance(arguments: argparse.Namespace) -> Distance:
    """The feature space that was asked for.

    Raises:
        UserError: there is none of this name, or an option does not fit it.
    """
    from ..auditing import open_distance

    return open_distance(arguments.distance, _options(arguments))


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    from ..training.recipe import parse_overrides

    options = parse_overrides(arguments.options)
    return {key.removeprefix(PREFIX[2:]): value for key, value in options.items()}
