"""What happens beside a training: checkpoints, the log, sample grids, quick evaluations."""

from __future__ import annotations

import json
import math
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType

from ..core.files import append_line, parse_json, write_text
from ..training import checkpoint
from ..training.current import described
from ..training.trainer import Trainer

ECHO = 1.0  # seconds within which two signals are one


def crossed(trainer: Trainer, interval: int) -> bool:
    """Whether the step just done passed a multiple of ``interval`` images."""
    batch = trainer.settings.batch
    return interval > 0 and trainer.images // interval > (trainer.images - batch) // interval


class Log:
    """``metrics.jsonl``: one JSON document a line, of kind ``train``, ``evaluation``, or ``ended`` if it ended early.

    Args:
        path: the file. What a resumed run writes again is dropped: the lines after ``step``, and the evaluation at
            the end if the training had ended and was stopped before that was known.
        step: where the training starts.
        done: whether there is nothing left to train.

    Attributes:
        elapsed: seconds that earlier sessions took, up to what they last wrote.
    """

    def __init__(self, path: Path, step: int, *, done: bool = False) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        self.elapsed = max((_elapsed(line) for line in lines), default=0.0)
        kept = [line for line in lines if _belongs(line, step, done)]
        damaged = sum(_read(line) is None for line in lines[:-1])  # the last may have been cut off by a kill
        if damaged:
            print(f"{path}: {damaged:,} damaged lines are left out.", file=sys.stderr)
        write_text(path, "".join(f"{line}\n" for line in kept))

    def write(
        self, trainer: Trainer, kind: str, scalars: dict[str, float], *, whole: bool = False, words: str | None = None
    ) -> None:
        """Append a line; ``whole`` marks the evaluation at the end, ``words`` say what figures do not."""
        entry = {
            "kind": kind,
            "images": trainer.model_images if whole else trainer.images,
            "step": trainer.step,
            "seconds": round(trainer.seconds, 3),
            "elapsed": round(trainer.elapsed, 3),
        } | ({"whole": True} if whole else {} if words is None else {"words": words})
        append_line(self.path, json.dumps({**entry, "scalars": scalars}))

    def after_step(self, trainer: Trainer) -> None:
        if not crossed(trainer, trainer.settings.log_every):
            return
        trainer.require_finite()
        self.write(trainer, "train", current_scalars(trainer))


def note_time(path: Path, kind: str, seconds: float) -> None:
    """Append to the log of a finished run that something after its training took so long; leave a damaged one alone.

    Args:
        path: ``metrics.jsonl``.
        kind: what it was.
        seconds: that it took.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    if not lines or _read(lines[-1]) is None:
        return
    last = parse_json(lines[-1])
    elapsed = round(max(map(_elapsed, lines)) + seconds, 3)
    entry = {"kind": kind, "images": last.get("images"), "step": last["step"], "seconds": last.get("seconds")}
    append_line(path, json.dumps({**entry, "elapsed": elapsed, "scalars": {}}))


def _elapsed(line: str) -> float:
    try:
        entry = parse_json(line)
        seconds = float(entry.get("elapsed", entry["seconds"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _read(line: str) -> tuple[int, bool] | None:
    """The step of a line, and whether it is the evaluation at the end; None if it is damaged."""
    try:
        entry = parse_json(line)
        return int(entry["step"]), bool(entry.get("whole"))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def _belongs(line: str, step: int, done: bool) -> bool:
    """Whether a line was written up to this step, and is not to be written again."""
    found = _read(line)
    return found is not None and (found[0] < step or (found[0] == step and not (found[1] and done)))


def current_scalars(trainer: Trainer) -> dict[str, float]:
    """The latest losses with the speed and the share of time spent on matching."""
    figures = {**trainer.round, **{name: float(value) for name, value in trainer.losses.items()}}
    figures["images_per_second"] = trainer.images / max(trainer.seconds, 1e-9)
    figures["matching_share"] = trainer.matching_seconds / max(trainer.seconds, 1e-9)
    return figures


class Checkpoints:
    """Saves the state every so many seconds. It does not matter when: a resumed run takes the same steps."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.last = time.monotonic()

    def after_step(self, trainer: Trainer) -> None:
        if time.monotonic() - self.last >= self.seconds:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint now."""
        trainer.require_finite()
        tensors, counters = trainer.state()
        checkpoint.save(self.folder, tensors, counters, model=described(trainer))
        self.last = time.monotonic()


class Every:
    """Calls ``act(trainer)`` every so many images; a training that has come to nothing is refused there."""

    def __init__(self, images: int, act: Callable[[Trainer], None]) -> None:
        self.images = images
        self.act = act

    def after_step(self, trainer: Trainer) -> None:
        if crossed(trainer, self.images):
            trainer.require_finite()
            self.act(trainer)


class Interruptible(AbstractContextManager["Interruptible"]):
    """Turns Ctrl-C and SIGTERM into a stop after the step in progress; one that comes later acts at once.

    A launcher of several processes passes on what it is sent, and so may the terminal: a process can get the same
    Ctrl-C twice.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.first = math.inf
        self.kept: dict[int, object] = {}

    def __enter__(self) -> Interruptible:
        try:
            self.kept = {number: signal.signal(number, self.stop) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread: signals are somebody else's
            self.kept = {}
        return self

    def stop(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() > self.first + ECHO:
            raise KeyboardInterrupt
        self.first = min(self.first, time.monotonic())
        self.trainer.stop = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.kept.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
