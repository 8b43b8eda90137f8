"""The idx format of MNIST: a magic number, the sizes as big-endian int32, then the bytes."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError


def read_idx(path: Path) -> Tensor:
    """Read an idx file of unsigned bytes, gzipped or not.

    Returns:
        uint8, of the shape that the file states.

    Raises:
        UserError: the file is missing, is no idx file, or is cut off.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read ({error}): copy or download it again.") from error
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise UserError(f"{path} is not an idx file of unsigned bytes: copy or download it again.")
    axes = data[3]
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    content = data[4 + 4 * axes :]
    expected = int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise UserError(f"{path} holds {len(content):,} bytes instead of {expected:,}: copy or download it again.")
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy()).view(shape)
