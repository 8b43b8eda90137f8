"""Every example runs as it stands, on fewer steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path), "2000"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "runs" / "examples" / f"{path.stem}.png").stat().st_size > 1_000
    if path.stem == "vanishing_gradient":
        requires_what_it_tells(done.stdout)


def requires_what_it_tells(printed: str) -> None:
    """While the generator waits, minimax tells it less and less, the mended loss more and more, IMLE the same.

    A discriminator that knows nothing scores 0, where both losses have the slope 1/2: they begin as one.
    """
    told = {words[0]: [*map(float, words[1:3])] for line in printed.splitlines() if len(words := line.split()) == 7}
    (first, last), (mended_first, mended_last) = told["minimax"], told["non-saturating"]
    assert first == pytest.approx(mended_first, rel=0.05)
    assert last < 0.6 * first
    assert mended_last > 50 * mended_first
    assert told["IMLE"][1] == pytest.approx(told["IMLE"][0], rel=0.2)
