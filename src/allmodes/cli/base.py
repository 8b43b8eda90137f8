"""What a command is: its arguments, and an answer that can be shown to a person or to a program."""

from __future__ import annotations

import argparse
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from ..core.errors import UserError, did_you_mean


@dataclass(frozen=True)
class Answer:
    """What a command has to say on stdout.

    Args:
        document: for ``--json``: dictionaries, lists, strings and numbers; None where another process speaks.
        text: for people; nothing is printed if it is empty.
        failed: what a limit that was asked for is not kept by, a sentence for stderr; the exit code is 1.
    """

    document: Any
    text: str
    failed: str = ""


@dataclass(frozen=True)
class Example:
    """A command line that teaches.

    Args:
        line: what to type, without the leading ``allmodes``.
        meaning: what it does, in a few words.
    """

    line: str
    meaning: str


class Command(ABC):
    """A command of ``allmodes``. Found by being a final subclass in :mod:`allmodes.cli.commands`.

    Attributes:
        name: what is typed.
        summary: one line for the list of commands.
        about: further sentences for the command's own help.
        examples: two or three.
        order: place in the list of commands.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    about: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]]
    order: ClassVar[int]

    @abstractmethod
    def configure(self, parser: Parser) -> None:
        """Add the command's arguments."""

    @abstractmethod
    def run(self, arguments: argparse.Namespace) -> Answer:
        """Do it. Whatever is printed meanwhile goes to stderr.

        Raises:
            UserError: something that the user can mend.
        """

    def parse(self, parser: Parser, words: Sequence[str]) -> argparse.Namespace:
        """Read the words that follow the command."""
        arguments, unknown = parser.parse_known_args(list(words))
        if unknown:
            raise UserError(parser.complaint(unknown[0], words))
        return arguments


class Parser(argparse.ArgumentParser):
    """A parser that raises UserError where argparse would print its usage and leave."""

    def error(self, message: str) -> NoReturn:
        sentence = re.sub(r"^argument (\S+): ", r"\1: ", message)
        raise UserError(f"{sentence[:1].upper()}{sentence[1:]}. See {self.prog} --help.")

    def complaint(self, word: str, words: Sequence[str]) -> str:
        """What is wrong with one of the words, for which no argument has a use."""
        if not word.startswith("-"):
            option = next((each for each in reversed(words[: words.index(word)]) if each.startswith("-")), "")
            if (action := self._option_string_actions.get(option.partition("=")[0])) and action.type is listed:
                name = action.option_strings[0]
                return f"'{word}' is one argument too many: {name} takes names as one word, with commas, as in a,b."
            return f"'{word}' is one argument too many. See {self.prog} --help."
        option = word.partition("=")[0]
        return f"{self.prog} has no option '{option}'.{did_you_mean(option, self.options)}"

    @property
    def options(self) -> tuple[str, ...]:
        """The long options, as they are typed."""
        return tuple(word for word in self._option_string_actions if word.startswith("--"))


def make_parser(command: Command) -> Parser:
    """The parser of one command, with its examples at the end of the help."""
    width = max(len(example.line) for example in command.examples) + 2
    lines = [f"  allmodes {example.line:<{width}}{example.meaning}" for example in command.examples]
    parser = Parser(
        prog=f"allmodes {command.name}",
        description="\n\n".join(filter(None, [command.summary, command.about])),
        epilog="\n".join(["examples:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout, and nothing else")
    return parser


def positive(text: str) -> int:
    """A whole number of at least 1, as an argument type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def natural(text: str) -> int:
    """A whole number of at least 0, as an argument type."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 0")
    return int(text)


def listed(text: str) -> tuple[str, ...]:
    """Names separated by commas, as an argument type."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("it names nothing: write a,b for example")
    return names


def share(text: str) -> float:
    """A number from 0 to 1, as an argument type."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 to 1")
    return value


def joined(words: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Write ``--key VALUE`` as ``--key=VALUE`` where the key is not ours, so that argparse leaves it whole.

    >>> joined(["--images", "100", "ring/gan", "--fresh", "--prior.dim", "-1"], ["--fresh"])
    ['--images=100', 'ring/gan', '--fresh', '--prior.dim=-1']
    """
    found: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        option = word.startswith("--") and "=" not in word and word not in ours
        if option and waiting and not waiting[0].startswith("--"):
            word = f"{word}={waiting.pop(0)}"
        found.append(word)
    return found
