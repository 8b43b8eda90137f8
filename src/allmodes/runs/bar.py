"""The progress bar of a training: how far it is, the time left, losses, the latest evaluation."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ..training.trainer import Trainer
from .callbacks import current_scalars
from .forecast import seconds_after

SLOW = 10  # a second, below which parts of one are told
WARM = 20  # steps before times are taken


class Bar:
    """On stderr: a bar on a terminal, plain lines in a log file."""

    def __init__(self, trainer: Trainer, title: str) -> None:
        self.console = Console(file=sys.stderr)
        self.progress = BarWithLines(
            TextColumn("{task.description}"),
            BarColumn(20),
            TextColumn("{task.percentage:3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            Left(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task(title, total=trainer.settings.images, completed=trainer.images, left=None)
        self.title = title
        self.headline: dict[str, float] = {}
        self.shown = self.began = time.monotonic()
        self.first = trainer.images
        self.afterwards: float | None = None

    def after_step(self, trainer: Trainer) -> None:
        wait = 0.5 if self.console.is_terminal else 15.0
        if time.monotonic() - self.shown < wait and not trainer.done:
            return
        self.shown = time.monotonic()
        lines, left = self.lines(trainer), self.left(trainer)
        if self.console.is_terminal:
            self.progress.lines = lines
            self.progress.update(self.task, completed=trainer.images, left=left)
        else:
            words = " · ".join(line for line in (*lines, f"{_clock(left)} left" if left else "") if line)
            self.console.print(f"{self.title} {trainer.images:,}/{trainer.settings.images:,} {words}", soft_wrap=True)

    def left(self, trainer: Trainer) -> float | None:
        """Seconds until the report is there: of the training, its evaluation and its audit; None before they are known.

        The training goes on as fast as so far.
        """
        done = trainer.images - self.first
        if done < WARM * trainer.settings.batch:
            return None
        training = (trainer.settings.images - trainer.images) * (time.monotonic() - self.began) / done
        if self.afterwards is None:
            self.afterwards = seconds_after(trainer)
        return max(0.0, training) + self.afterwards

    def lines(self, trainer: Trainer) -> tuple[str, str]:
        """Speed and losses; the latest evaluation."""
        scalars = current_scalars(trainer)
        rate = scalars["images_per_second"]
        words = [f"{rate:,.0f} a second" if rate >= SLOW else f"{rate:.2g} a second"]
        words += [
            f"{name} {scalars[name]:.3g}"
            for name in scalars
            if name.endswith(("/loss", "/matched", "/distance", "/rematched"))
        ]
        return " · ".join(words), " · ".join(f"{name} {value:.4g}" for name, value in self.headline.items())


def _clock(seconds: float) -> str:
    """As rich writes times.

    >>> _clock(3723.4)
    '1:02:03'
    """
    return str(timedelta(seconds=int(seconds)))


class Left(TimeRemainingColumn):
    """The time left as the training knows it; of other work, as its bar does."""

    def render(self, task: Task) -> Text:
        if "left" not in task.fields:
            return super().render(task)
        left = task.fields["left"]
        return Text("-:--:--" if left is None else _clock(left), style="progress.remaining")


class BarWithLines(Progress):
    """A progress bar above lines of text, each cut where the terminal ends."""

    lines: Sequence[str] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(line, no_wrap=True, overflow="ellipsis") for line in self.lines if line)
