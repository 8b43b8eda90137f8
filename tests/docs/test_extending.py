"""The objective that the documentation shows is complete: as a file beside the others it is found, and it trains."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
# the room looks into one more folder, as if the file lay in its own
SCRIPT = """
import sys
import allmodes.objectives
allmodes.objectives.__path__.append(sys.argv[1])
from allmodes.cli import main
sys.exit(main(sys.argv[2:]))
"""
SMALL = "--data digits --images 512 --batch 64 --threads 1 --device cpu --log_every 64"
GIVEN = {"from a tied mixture": "", "from a generator that is given labels": "--prior gaussian --generator.classes 10"}


def shown() -> str:
    """The file of the page that holds an objective."""
    (found,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "(Objective)" in block]
    return found


def test_it_is_short():
    assert len(shown().splitlines()) < 80


@pytest.mark.parametrize("more", GIVEN.values(), ids=GIVEN)
def test_it_is_found_and_trains_both_players_on_classes(more, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "ac_gan.py").write_text(shown())
    run = tmp_path / "run"
    command = f"train mnist/gm-gan-supervised --objective ac-gan {SMALL} {more} --out {run}".split()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "own"), *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    logged = (run / "metrics.jsonl").read_text()
    assert "discriminator/classes" in logged
    assert "generator/classes" in logged
    (weights,) = (run / "model").glob("*.safetensors")
    assert all(bool(value.isfinite().all()) for value in load_file(weights).values())
