"""What it costs, and what it gains, that threads which wait for each other soon sleep: see :mod:`..core.waiting`.

One process for each way of waiting trains the same recipe. They take turns of a second, so that all of them see the
same machine: first as it is, then with a busy process beside them for each core.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from statistics import median

from ..core.waiting import OURS, POLICY, SPIN
from ..training.recipe import load_recipe
from .speed import make_trainer
from .table import Row, Table

WAYS: Mapping[str, Mapping[str, str]] = {
    "libgomp's, 300,000": {SPIN: "300000"},
    f"allmodes', {int(OURS):,}": {SPIN: OURS},
    "PASSIVE, none": {POLICY: "PASSIVE"},
}
RECIPES = ("ring/imle", "stacked-digits/imle-gan")
TURN = 1.0  # seconds
TURNS = 9
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    pass\n"


def table(threads: int, *, progress: Callable[[str], None]) -> Table:
    """Milliseconds of a step for each way of waiting, on the machine as it is and beside busy processes.

    Args:
        threads: of each training.
        progress: told what is measured next.
    """
    found = Table(
        "Threads that wait",
        "'rounds' is how often a waiting thread looks again before it sleeps. 'step' is milliseconds, the median of "
        "turns; 'times faster' is against libgomp's default in the same turns.",
    )
    for recipe in RECIPES:
        with ExitStack() as started:
            trainings = {way: started.enter_context(_training(recipe, threads, WAYS[way])) for way in WAYS}
            progress(f"{recipe}, ways to wait")
            found.rows.extend(_rows(recipe, "none", trainings))
            cores = os.cpu_count() or 1
            for _ in range(cores):
                started.enter_context(_process([sys.executable, "-c", BUSY], {}))
            progress(f"{recipe}, ways to wait beside {cores} busy processes")
            found.rows.extend(_rows(recipe, f"{cores} busy", trainings))
    return found


def _rows(recipe: str, beside: str, trainings: Mapping[str, subprocess.Popen[str]]) -> Iterator[Row]:
    times: dict[str, list[float]] = {way: [] for way in trainings}
    for turn in range(TURNS):
        for way in list(trainings)[:: 1 if turn % 2 else -1]:
            times[way].append(_turn(trainings[way]))
    first = next(iter(times.values()))
    for way, seconds in times.items():
        faster = median(ours / theirs for ours, theirs in zip(first, seconds, strict=True))
        yield {"recipe": recipe, "beside": beside, "rounds": way, "step": 1e3 * median(seconds), "times faster": faster}


def _turn(training: subprocess.Popen[str]) -> float:
    """Seconds of a step of this training, which for once is not waiting."""
    assert training.stdin is not None
    assert training.stdout is not None
    training.stdin.write(f"{TURN}\n")
    training.stdin.flush()
    return float(training.stdout.readline())


@contextmanager
def _training(recipe: str, threads: int, way: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    with _process([sys.executable, "-m", __name__, recipe, str(threads)], way) as process:
        _turn(process)  # a first one prepares what later ones only use
        yield process


@contextmanager
def _process(words: list[str], way: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    kept = {key: value for key, value in os.environ.items() if key not in {SPIN, POLICY, "OMP_NUM_THREADS"}}
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, env={**kept, **way}, stdin=pipe, stdout=pipe, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def take_turns(recipe: str, threads: int) -> None:
    """For every line on stdin train for so many seconds, and print those of a step."""
    trainer = make_trainer(load_recipe(recipe, {"threads": threads, "device": "cpu"}))
    for line in sys.stdin:
        began, steps = time.perf_counter(), 0
        while not steps or time.perf_counter() - began < float(line):
            trainer.one_step()
            steps += 1
        print((time.perf_counter() - began) / steps, flush=True)


if __name__ == "__main__":
    take_turns(sys.argv[1], int(sys.argv[2]))
