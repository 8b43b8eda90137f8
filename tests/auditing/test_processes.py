"""Several processes that share the features of an audit change nothing of what it finds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.auditing import Examples, audit, embedding, share_features
from allmodes.cli import front, main
from allmodes.core.errors import UserError
from allmodes.core.locks import claimed
from allmodes.distances.random_convolution import RandomConvolution

REAL, FAKE = (np.random.default_rng(seed).integers(0, 256, (150, 8, 8, 3), dtype=np.uint8) for seed in (0, 1))
SHARDS = 2 * 5  # of 32 images each
BESIDE = """
import sys
from allmodes.auditing import embedding
from allmodes.cli import main
from allmodes.distances.random_convolution import RandomConvolution
embedding.SHARD, RandomConvolution.costly = 32, True
sys.exit(main())
"""


class Watched(RandomConvolution):
    """A costly space that counts what it sees, and is stopped, or fails, on the way."""

    costly = True

    def __init__(self, most: int = 1_000, error: BaseException | None = None) -> None:
        super().__init__()
        self.looked, self.most, self.error = 0, most, error or KeyboardInterrupt()

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        if self.looked + len(images) > self.most:
            raise self.error
        self.looked += len(images)
        return super().embed(images)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedding, "SHARD", 32)
    monkeypatch.setattr(embedding, "PAUSE", 0.01)
    monkeypatch.setattr(front, "GRACE", 0.0)
    return tmp_path / "cache" / "features"


def as_second(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "1"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)


def test_two_processes_find_what_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(RandomConvolution, "costly", True)
    np.save(tmp_path / "real.npy", REAL)
    np.save(tmp_path / "fake.npy", FAKE)
    (tmp_path / "beside.py").write_text(BESIDE)
    sides = [
        "--real",
        str(tmp_path / "real.npy"),
        "--fake",
        str(tmp_path / "fake.npy"),
        "--metrics",
        "frechet_distance",
    ]
    words = ["audit", *sides, "--distance", "random-convolution,pixels", "--json"]
    whole = {**os.environ, "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(tmp_path / "beside.py"), *words, "--out", str(tmp_path / "nowhere")]
    beside = subprocess.Popen(command, env=whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cache = tmp_path / "cache" / "features"
    while not (cache.is_dir() and list(cache.glob("*.safetensors"))):
        assert beside.poll() is None, beside.stdout and beside.stdout.read()
        time.sleep(0.02)
    assert main([*words, "--out", str(tmp_path / "shared")]) == 0
    shared = capfd.readouterr().out
    assert beside.communicate(timeout=60)[0] == b""
    assert beside.returncode == 0
    assert len(list(cache.iterdir())) == SHARDS
    assert not (tmp_path / "nowhere").exists()
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "another"))
    assert main([*words, "--out", str(tmp_path / "alone")]) == 0
    assert capfd.readouterr().out == shared


def test_the_first_goes_on_where_another_was_stopped(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = audit(REAL, FAKE, distance=RandomConvolution(), metrics=()).document()
    with monkeypatch.context() as second:
        as_second(second)
        stopped = Watched(most=150 + 64 + 20)  # in the third shard of the samples
        with pytest.raises(KeyboardInterrupt):
            share_features(REAL, FAKE, distance=stopped)
        assert len(list(kept.glob("*.safetensors"))) == 7
    first = Watched()
    assert audit(REAL, FAKE, distance=first, metrics=()).document() == expected
    assert first.looked == 300 - 150 - 64
    again = Watched()
    share_features(REAL, FAKE, distance=again)
    assert again.looked == 0


def test_what_another_process_makes_is_waited_for(kept: Path) -> None:
    side = Examples.of(torch.from_numpy(REAL).permute(0, 3, 1, 2).float() / 127.5 - 1)
    expected, distance = side.embedded(RandomConvolution()), Watched()
    lock = embedding._file(64, distance, side.fingerprint).with_suffix(".lock")
    found: list[torch.Tensor] = []
    with claimed(lock) as mine, claimed(lock) as theirs:
        assert (mine, theirs) == (True, False)
        waiting = threading.Thread(target=lambda: found.append(side.embedded(distance)))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert distance.looked == 150 - 32
    waiting.join(30)  # the other one is gone, and made nothing
    torch.testing.assert_close(found[0], expected, rtol=0, atol=0)


def test_another_process_speaks_of_what_went_wrong_there_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    as_second(monkeypatch)
    np.save(tmp_path / "a.npy", REAL)
    lost = Watched(most=0, error=UserError("The disk is full."))
    monkeypatch.setattr("allmodes.cli.commands.audit.chosen_distances", lambda arguments: [lost])
    words = ["audit", "--real", str(tmp_path / "a.npy"), "--fake", str(tmp_path / "a.npy"), "--distance", "pixels"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert capfd.readouterr().err == "error: The disk is full.\n"
    assert not (tmp_path / "out").exists()
