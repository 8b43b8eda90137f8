"""How threads wait for each other: for a moment they spin, then they sleep.

Between two parallel regions libgomp lets every thread but one spin, 300,000 rounds by default. On a quiet machine that
is free. On a busy one a thread that spins holds a core that the thread it waits for could use. With
``OMP_WAIT_POLICY=PASSIVE`` they sleep at once, and a step of small networks, whose regions follow each other within
microseconds, takes twice as long on a quiet machine. 20,000 rounds cost next to nothing there and give a busy core back
soon; ``allmodes bench training --threads 2`` measures both.
"""

from __future__ import annotations

import os

SPIN = "GOMP_SPINCOUNT"
OURS = "20000"
POLICY = "OMP_WAIT_POLICY"


def wait_briefly() -> None:
    """Have waiting threads sleep soon, unless the user's environment says how they wait.

    libgomp reads it once, when it is loaded: call this before torch is imported.
    """
    if POLICY not in os.environ:
        os.environ.setdefault(SPIN, OURS)
