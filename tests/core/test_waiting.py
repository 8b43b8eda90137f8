"""Threads that wait soon sleep: libgomp itself says how long it spins."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="another OpenMP")


@pytest.mark.parametrize(
    ("code", "environment", "rounds"),
    [
        ("import allmodes, torch", {}, "20000"),
        ("from allmodes.search import Exact", {"OMP_WAIT_POLICY": "PASSIVE"}, "0"),
        ("import allmodes.cli", {"GOMP_SPINCOUNT": "7"}, "7"),
    ],
)
def test_a_waiting_thread_sleeps_soon_or_as_the_user_says(code: str, environment: dict[str, str], rounds: str) -> None:
    kept = {key: value for key, value in os.environ.items() if key not in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}}
    told = {**kept, **environment, "OMP_DISPLAY_ENV": "VERBOSE", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport torch"], env=told, capture_output=True, text=True)
    assert set(re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)) == {rounds}
