"""How the command line begins and ends: help, unknown words, exit codes, what goes to which stream."""

from __future__ import annotations

import argparse
import errno
import json
import subprocess
import sys
from importlib import resources
from typing import ClassVar

import pytest

import allmodes
from allmodes.cli import main
from allmodes.cli.answer import columns, finite, show
from allmodes.cli.base import Answer, Command, Example, Parser, make_parser, positive
from allmodes.cli.front import commands
from allmodes.core.errors import UserError


class Speaking(Command):
    """Prints, then answers or raises."""

    name = "speak"
    summary = "Speak."
    examples = (Example("speak", "say something"),)
    order = 0
    outcome: ClassVar[BaseException | None] = None

    def configure(self, parser: Parser) -> None:
        parser.add_argument("--times", type=positive, default=1, metavar="N", help="how often")

    def run(self, arguments: argparse.Namespace) -> Answer:
        print("chatter")
        if self.outcome is not None:
            raise self.outcome
        return Answer({"times": arguments.times, "kl": float("nan")}, "said")


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> type[Speaking]:
    monkeypatch.setattr("allmodes.cli.front.commands", lambda: {"speak": Speaking})
    monkeypatch.setattr(Speaking, "outcome", None)
    return Speaking


def test_all_commands_of_the_contract_are_there() -> None:
    wanted = {"recipes", "train", "sample", "evaluate", "compare", "data", "interpolate", "invert"}
    assert wanted <= set(commands())


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in commands())


@pytest.mark.parametrize("name", list(commands()))
def test_each_command_teaches_by_examples_that_its_parser_accepts(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = commands()[name]
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert len(command.examples) >= 2
    for example in command.examples:
        assert f"  allmodes {example.line} " in out
        first, *words = example.line.split()
        assert first == name
        command().parse(make_parser(command()), words)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"allmodes {allmodes.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sampel"], "Did you mean 'sample'?"),
        (["sample"], "RUN"),
        (["sample", "run", "--out", "x.png", "--sed", "1"], "Did you mean '--seed'?"),
        (["sample", "run", "more", "--out", "x.png"], "'more' is one argument too many. See"),
        (["evaluate", "run", "--metrics", "psnr", "ssim"], "--metrics takes names as one word, with commas, as in a,b"),
        (["evaluate", "run", "--metrics=psnr,", "ssim"], "--metrics takes names as one word, with commas, as in a,b"),
        (["evaluate", "run", "more", "--metrics", "psnr"], "'more' is one argument too many. See"),
        (["bench", "audit", "--metrics", "recall", "fid"], "'fid' is one argument too many: --metrics takes names"),
        (["sample", "run", "--out", "x.png", "-n", "0"], "whole number of at least 1"),
        (["sample", "run", "--out", "x.jpg"], "x.jpg"),
        (["interpolate", "run", "--out", "x.mp4"], "x.mp4"),
        (["compare", "run", "--out", "x.pdf"], "x.pdf"),
        (["data"], "ACTION"),
        (["train"], "RECIPE"),
    ],
)
def test_mistakes_are_told_in_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert said in told.err


def test_json_is_all_that_stdout_gets(speaking: type[Speaking], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak", "--json", "--times", "3"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"times": 3, "kl": None}
    assert told.err == "chatter\n"


def test_text_goes_to_stdout_and_chatter_does_not(speaking: type[Speaking], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("said\n", "chatter\n")


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (UserError("Mend this."), 2, "error: Mend this.\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (KeyboardInterrupt("Saved."), 130, "Interrupted. Saved.\n"),
        (OSError(errno.EROFS, "Read-only file system", "/mnt"), 2, "Read-only file system (/mnt)"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "aaa"), 2, "File name too long (aaa)"),
        (
            OSError(errno.ENOSPC, "No space left on device", "big.bin"),
            2,
            "error: No space left on device (big.bin): mend that",
        ),
    ],
)
def test_exit_codes(
    speaking: type[Speaking],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: BaseException,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(speaking, "outcome", outcome)
    assert main(["speak"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err


@pytest.mark.parametrize("outcome", [ZeroDivisionError(), OSError("no system said so")])
def test_a_bug_keeps_its_traceback(
    speaking: type[Speaking], monkeypatch: pytest.MonkeyPatch, outcome: Exception
) -> None:
    monkeypatch.setattr(speaking, "outcome", outcome)
    with pytest.raises(type(outcome)):
        main(["speak"])


def test_a_reader_that_stops_listening_is_no_error() -> None:
    line = f"{sys.executable} -m allmodes.cli --help | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_columns_are_aligned() -> None:
    assert columns([("a", "bb", "c"), ("aaa", "b", "c")]) == "a    bb  c\naaa  b   c"
    assert columns([]) == ""


def test_json_has_null_where_there_is_no_number() -> None:
    assert finite({1: [float("inf"), (2, "a")]}) == {"1": [None, [2, "a"]]}
    assert json.loads(show(Answer({"a": float("nan")}, ""), as_json=True)) == {"a": None}


def test_the_help_of_train_names_what_every_recipe_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for option in ("--images", "--batch", "--threads", "--seed", "--precision", "--device"):
        assert any(line.startswith(f"  {option} ") for line in lines), option


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    assert (resources.files("allmodes") / "py.typed").is_file()


def test_a_training_that_is_interrupted_after_its_last_step_says_that_it_can_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("allmodes.api.train", stopped)
    assert main(["train", "ring/imle"]) == 130
    assert capsys.readouterr().err == "Interrupted. The same command goes on from what is saved.\n"
