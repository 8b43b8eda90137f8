"""Pipes, sockets and devices may have no end: whatever reads files refuses them, in one sentence."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from allmodes.auditing.examples import open_examples
from allmodes.auditing.tables import read_table
from allmodes.cli import main
from allmodes.core.errors import UserError
from allmodes.core.files import read_text
from allmodes.core.tensors import read_tensors
from allmodes.data.idx import read_idx
from allmodes.data.images import Images
from allmodes.data.noto_faces import NotoFaces
from allmodes.data.orl_faces import OrlFaces
from allmodes.distances.efficientnet_lite0 import EfficientNetLite0Features
from allmodes.networks.features.inception import load_inception
from allmodes.search import DCI

pytestmark = pytest.mark.timeout(100)  # whoever opens a pipe waits for ever, and imports take their time

READERS: list[tuple[Callable[[Path], object], str]] = [
    *((Images, name) for name in ("a", "a.png", "a.zip", "a.npy", "a.npz")),
    *((open_examples, name) for name in ("a", "a.npy", "a.npz")),
    *((lambda path: read_table(path, 3), name) for name in ("a.npy", "a.csv")),
    *((read, "a") for read in (read_idx, read_text, read_tensors, DCI.load, load_inception)),
    (lambda path: OrlFaces(path=path), "a.zip"),
    (lambda path: NotoFaces(path=path), "a.ttf"),
    (lambda path: EfficientNetLite0Features(path=path), "a.pth"),
]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def door(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to(os.devnull)


@pytest.mark.parametrize("kind", [pipe, door, device])
def test_nothing_without_an_end_is_read(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    for read, name in READERS:
        path = Path(name)
        kind(path)
        with pytest.raises(UserError, match=rf"^{name} is a (pipe or socket|device), and no file or folder: write "):
            read(path)
        path.unlink()


def test_a_command_says_so(capsys):
    for words in (["data", "info"], ["train", "ring/imle", "--data"]):
        assert main([*words, "/dev/full"]) == 2
        assert capsys.readouterr().err == (
            "error: /dev/full is a device, and no file or folder: write what it holds to a file, and give that.\n"
        )
