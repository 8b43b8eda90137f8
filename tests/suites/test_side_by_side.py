"""Trainings side by side, with processes that only pretend to train: places, failures, interruptions, locks."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from allmodes.core.locks import locked
from allmodes.suites import side_by_side
from allmodes.suites.base import load_suite
from allmodes.suites.side_by_side import STOPPED, Field, train_all
from allmodes.suites.trainings import Training, trainings

Pretend = Callable[..., list[Training]]
SLEEPS = "import time; print('at work', flush=True); time.sleep(60)"
HEARS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # as in a terminal: nohup's do not


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """``pretend(a="code", b="code")`` makes a training of each name whose process runs that code."""
    monkeypatch.setattr(side_by_side, "TICK", 0.02)

    def make(**codes: str) -> list[Training]:
        members = [{"recipe": "ring/gan", "name": name, "title": name} for name in codes]
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"members": members}))
        program = property(lambda self: [sys.executable, "-c", codes[self.member.name]])
        monkeypatch.setattr(Training, "program", program)
        monkeypatch.setattr(Training, "finished", property(lambda self: self.folder.exists()))
        return trainings(load_suite(str(tmp_path / "mine.yaml")).members, [0], 1, tmp_path / "out")

    return make


def nothing(found: Field) -> None:
    pass


def test_a_failure_is_kept_with_its_reason_and_the_others_go_on(pretend: Pretend) -> None:
    asked = pretend(
        ok="print('fine')",
        mendable="import sys; print('error: The folder is not there.', file=sys.stderr); sys.exit(2)",
        broken="raise ValueError('a matrix is singular')",
        killed="import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        last="pass",
    )
    found, most = Field(list(asked), [{}, {}]), []
    train_all(found, lambda found: most.append(len(found.running)), nothing)
    assert {training.member.name for training in found.done} == {"ok", "last"}
    assert {training.member.name: why for training, why in found.failed.items()} == {
        "mendable": "The folder is not there.",
        "broken": "ValueError: a matrix is singular.",
        "killed": "It was killed by SIGKILL: memory may have been short.",
    }
    assert len(found.places) == 2
    assert found.over


def test_there_are_never_more_at_work_than_places(pretend: Pretend) -> None:
    wait = "import time; time.sleep(0.1)"
    found, seen = Field(pretend(a=wait, b=wait, c=wait), [{}, {}]), []
    train_all(found, nothing, lambda found: seen.append(len(found.running)))
    assert max(seen) == 2
    assert len(found.done) == 3


def test_a_place_is_handed_to_the_process(pretend: Pretend) -> None:
    (asked,) = pretend(a="import os; print(os.environ['CUDA_VISIBLE_DEVICES'])")
    found = Field([asked], [{"CUDA_VISIBLE_DEVICES": "3"}])
    train_all(found, nothing, nothing)
    assert asked.log.read_text().strip() == "3"


def test_an_interruption_stops_all_and_leaves_them_to_be_gone_on_with(pretend: Pretend) -> None:
    found = Field(pretend(a=HEARS + SLEEPS, b=HEARS + SLEEPS, c=HEARS + SLEEPS), [{}, {}])

    def interrupt(found: Field) -> None:
        if len(found.running) == 2 and all("at work" in one.log.read_text() for one in found.running):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_all(found, nothing, interrupt)
    assert {training.member.name for training in found.waiting} == {"a", "b", "c"}
    assert not found.running
    assert not found.failed


def test_what_ends_within_an_interruption_is_done_or_failed(pretend: Pretend) -> None:
    on = "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit({}));" + SLEEPS
    found = Field(pretend(done=on.format(0), failed=on.format(3)), [{}, {}])

    def interrupt(found: Field) -> None:
        if len(found.running) == 2 and all("at work" in one.log.read_text() for one in found.running):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_all(found, nothing, interrupt)
    assert [training.member.name for training in found.done] == ["done"]
    assert {training.member.name: why for training, why in found.failed.items()} == {"failed": "at work."}


def test_what_is_finished_is_not_trained_again(pretend: Pretend) -> None:
    done, new = pretend(done="raise SystemExit(1)", new="pass")
    done.folder.mkdir(parents=True)
    found = Field([done, new], [{}])
    train_all(found, nothing, nothing)
    assert found.done == [done, new]
    assert found.before == {done}


def test_what_another_process_trains_is_waited_for(pretend: Pretend) -> None:
    held, other = pretend(held="print('trained here')", other="pass")
    held.folder.mkdir(parents=True)
    lock = locked(held.folder / ".lock", "another training is at work there")
    lock.__enter__()

    def release(found: Field) -> None:
        if found.done == [other]:
            assert found.waiting == [held]
            lock.__exit__(None, None, None)

    found = Field([held, other], [{}])
    train_all(found, nothing, release)
    assert found.done == [other, held]


@pytest.mark.parametrize("code", [130, -signal.SIGINT, -signal.SIGTERM])
def test_an_interrupted_training_says_so(code: int, tmp_path: Path) -> None:
    assert side_by_side.reason(tmp_path / "none.txt", code) == STOPPED
