"""The way in: which command is meant, and how it ends.

Exit codes: 0 done, 1 where a limit that was asked for is not kept, 2 for what the user can mend (one sentence, no
traceback), 130 interrupted. Anything else that goes wrong is a bug, and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence

from .. import __version__
from ..core.discovery import entries
from ..core.errors import UserError, did_you_mean
from ..core.launched import launched
from .answer import show
from .base import Command, make_parser

DONE, FAILED, MENDABLE, INTERRUPTED = 0, 1, 2, 130
GRACE = 10.0  # seconds in which the first of several processes says what is wrong, and their launcher ends the others


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        words: what was typed after ``allmodes``; the process's own arguments by default.

    Returns:
        The exit code.
    """
    try:
        return carry_out(list(sys.argv[1:] if words is None else words))
    except UserError as error:
        return refuse(str(error))
    except KeyboardInterrupt as interruption:
        return INTERRUPTED if launched().rank else complain(f"Interrupted. {interruption}".rstrip(), INTERRUPTED)
    except OSError as error:
        if error.errno is None:  # of our own making, or a library's
            raise
        where = f" ({error.filename})" if error.filename else ""
        return refuse(f"{error.strerror or error}{where}: mend that and give the command again.")
    except SystemExit as leave:  # argparse, after printing a help page
        return leave.code if isinstance(leave.code, int) else DONE


def carry_out(words: list[str]) -> int:
    """Find the command, run it, show its answer."""
    known = commands()
    if not words or words[0] in {"-h", "--help", "help"}:
        return say(front_page(known))
    if words[0] == "--version":
        return say(f"allmodes {__version__}")
    if words[0] not in known:
        raise UserError(f"'{words[0]}' is not a command of allmodes.{did_you_mean(words[0], known)}")
    command = known[words[0]]()
    arguments = command.parse(make_parser(command), words[1:])
    with contextlib.redirect_stdout(sys.stderr):
        answer = command.run(arguments)
    done = say(show(answer, as_json=arguments.json))
    return complain(answer.failed, FAILED) if answer.failed else done


def commands() -> dict[str, type[Command]]:
    """All commands by name, in the order of the list."""
    found = entries("allmodes.cli.commands", Command)
    return dict(sorted(found.items(), key=lambda item: item[1].order))


def front_page(known: dict[str, type[Command]]) -> str:
    """What ``allmodes --help`` prints."""
    width = max(map(len, known)) + 2
    lines = [f"  {name:<{width}}{command.summary}" for name, command in known.items()]
    return "\n".join(
        [
            "usage: allmodes COMMAND ...",
            "",
            "Train image generators that cover every mode of their data, and measure that they do.",
            "",
            "commands:",
            *lines,
            "",
            "a first session:",
            "  allmodes recipes                                   what can be trained",
            "  allmodes train stacked-digits/imle-gan             minutes on a laptop, no download",
            "  allmodes sample runs/stacked-digits-imle-gan --out samples.png",
            "  allmodes compare runs/*                            every run in one table",
            "",
            "allmodes COMMAND --help explains a command. Add --json to any of them for a program to read.",
        ]
    )


def say(text: str) -> int:
    """Print on stdout. A reader that stops listening, such as ``head``, is no error."""
    try:
        if text:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit
    return DONE


def refuse(sentence: str) -> int:
    """Say what the user can mend; of several processes the first says it, and another what went wrong there alone."""
    if launched().rank:
        time.sleep(GRACE)
    return complain(f"error: {sentence}", MENDABLE)


def complain(sentence: str, code: int) -> int:
    """Print a sentence on stderr and pass the exit code on."""
    print(sentence, file=sys.stderr)
    return code
