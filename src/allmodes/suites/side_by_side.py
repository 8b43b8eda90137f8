"""Trainings as processes of their own, as many at a time as there are places for them.

A place is a GPU where there are any, else as many cores as a training has threads. A process that fails, or is killed,
takes nothing with it: its reason is kept, and its place goes to the next. What a suite that was killed has left running
is waited for, since a run folder has one training at a time.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..core.files import writing
from .trainings import Training

TICK = 0.5  # seconds between two looks
PATIENCE = 120.0  # seconds that a training has to save, when it is stopped
INTERRUPTED = 130
STOPPED = "It was interrupted: the same command goes on."
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass
class Field:
    """The trainings and where each of them stands.

    Args:
        waiting: not begun, in order.
        places: what the environment of a training in each free place is changed by.
        running: those at work, with their processes and the places that they hold.
        done: those that are finished.
        before: those of them that were so when they were begun with.
        failed: why others are not, a sentence each.
    """

    waiting: list[Training]
    places: list[Mapping[str, str]]
    running: dict[Training, tuple[subprocess.Popen[bytes], Mapping[str, str]]] = field(default_factory=dict)
    done: list[Training] = field(default_factory=list)
    before: set[Training] = field(default_factory=set)
    failed: dict[Training, str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing is left to do."""
        return not self.waiting and not self.running


def places(threads: int) -> list[Mapping[str, str]]:
    """A place for every GPU; without one, for every so many cores that this process may use."""
    import torch

    if torch.cuda.is_available():
        known = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
        return [{VISIBLE: known[n] if n < len(known) else str(n)} for n in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [{} for _ in range(max(1, cores // threads))]


def train_all(found: Field, changed: Callable[[Field], None], tick: Callable[[Field], None]) -> None:
    """Train all that wait.

    Args:
        found: the trainings.
        changed: called whenever one has ended.
        tick: called now and then.

    Raises:
        KeyboardInterrupt: interrupted; every training was told to save, and has ended.
    """
    try:
        while not found.over:
            _fill(found)
            if _collect(found):
                changed(found)
            tick(found)
            if not found.over:
                time.sleep(TICK)
    except BaseException:
        _stop(found)
        raise


def _fill(found: Field) -> None:
    """Start what can be started; what is finished already, or is trained elsewhere, needs no place."""
    for training in list(found.waiting):
        if not found.places:
            return
        if training.elsewhere:
            continue
        found.waiting.remove(training)
        try:
            if training.finished:
                found.done.append(training)
                found.before.add(training)
                continue
            found.running[training] = (_start(training, found.places[-1]), found.places[-1])
            found.places.pop()
        except UserError as error:
            found.failed[training] = str(error)


def _start(training: Training, place: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A process in a session of its own, so that it is interrupted by the suite and not by the terminal."""
    with writing(training.log):
        training.log.parent.mkdir(parents=True, exist_ok=True)
        with open(training.log, "wb") as log:
            return subprocess.Popen(
                training.program,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **place},
                start_new_session=True,
            )


def _collect(found: Field) -> bool:
    """Take out those that have ended; whether there were any."""
    ended = [training for training, (process, _) in found.running.items() if process.poll() is not None]
    for training in ended:
        process, place = found.running.pop(training)
        found.places.append(place)
        if process.returncode == 0:
            found.done.append(training)
        else:
            found.failed[training] = reason(training.log, process.returncode)
    return bool(ended)


def _stop(found: Field) -> None:
    """Interrupt what runs, and wait until it has saved."""
    for number, patience in ((signal.SIGINT, PATIENCE), (signal.SIGTERM, TICK), (signal.SIGKILL, PATIENCE)):
        for process, _ in found.running.values():
            if process.poll() is None:
                process.send_signal(number)
        try:
            _wait(found.running.values(), patience)
        except KeyboardInterrupt:  # a second one does not wait for the first
            continue
    before = {*found.failed}
    _collect(found)
    for training in [training for training in found.failed if training not in before]:
        if found.failed[training] == STOPPED:
            del found.failed[training]
            found.waiting.append(training)


def _wait(running: Collection[tuple[subprocess.Popen[bytes], object]], patience: float) -> None:
    until = time.monotonic() + patience
    while any(process.poll() is None for process, _ in running) and time.monotonic() < until:
        time.sleep(TICK / 10)


def reason(log: Path, code: int) -> str:
    """Why a training ended with this code, in a sentence: what it said last, or which signal it was."""
    if code in {INTERRUPTED, -signal.SIGINT, -signal.SIGTERM}:
        return STOPPED
    if code < 0:
        name = signal.Signals(-code).name
        hint = ": memory may have been short" if -code == signal.SIGKILL else ""
        return f"It was killed by {name}{hint}."
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1].removeprefix("error: ") if lines else f"It ended with exit code {code}."
    return last if last.endswith(".") else f"{last}."
