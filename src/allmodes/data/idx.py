"""The idx format of MNIST: a magic number, the sizes as big-endian int32, then the bytes."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import require_plain
from ..core.memory import require_memory

MOST_AXES = 4
TYPES = frozenset({0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E})  # of numbers that the format knows; ours is the first
AGAIN = "copy or download it again"


def read_idx(path: Path) -> Tensor:
    """Read an idx file of unsigned bytes, gzipped or not.

    Returns:
        uint8, of the shape that the file states.

    Raises:
        UserError: the file is missing, is no idx file, is cut off or goes on, or is larger than the memory.
    """
    require_plain(path)
    try:
        with _opened(path) as stream:
            return _parsed(stream, path)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({error}): {AGAIN}.") from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The content of a file, unpacked if it is packed."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def is_idx(path: Path) -> bool:
    """Whether a file begins as one of the format does, of numbers of any type, gzipped or not."""
    try:
        with _opened(path) as stream:
            magic = stream.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES and 1 <= magic[3] <= MOST_AXES


def _parsed(stream: BinaryIO, path: Path) -> Tensor:
    """What a stream holds. Of what is packed, no more is unpacked than the sizes before it say."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08" or not 1 <= magic[3] <= MOST_AXES:
        raise UserError(f"{path} is not an idx file of unsigned bytes: {AGAIN}.")
    sizes = stream.read(4 * magic[3])
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    expected = math.prod(shape) if len(sizes) == 4 * magic[3] else -1
    if 0 in shape or expected < 0:
        raise UserError(f"{path} holds nothing: {AGAIN}.")
    require_memory(2 * expected, f"{path}: {' x '.join(map(str, shape))} bytes")
    content = stream.read(expected)
    if len(content) != expected or stream.read(1):
        there = f"{len(content):,} bytes" if len(content) < expected else "more"
        raise UserError(f"{path} holds {there} instead of {expected:,}: {AGAIN}.")
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy()).view(shape)
