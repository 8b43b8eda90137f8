"""What an array is: the one place that decides, for files, for Python and for every command.

Images are uint8, or floats whose range is evident: from -1 to 1, 0 to 1, or 0 to 255, past whose middle they reach.
Whatever could be read in two ways is refused, for one of the two would be wrong.
"""

from __future__ import annotations

import io
import math
import mmap
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.files import read_bytes, require_plain
from ..core.memory import require_memory
from .archives import Archive, reason
from .folders import some

LEAST_SIDE = 4  # pixels; what is narrower counts channels
BLOCK = 1_024  # images converted at a time
HELD = 2**28  # bytes of a file that is read as a whole; what is larger is looked at where it lies
HEADING = 2**17  # bytes of a .npy file that its heading is among: more than its two bytes of length can say
SUFFIXES = frozenset({".npy", ".npz"})
SHAPES = "[n, h, w], [n, h, w, 3] or [n, 3, h, w]"
GIVE = f"give images {SHAPES} as uint8, or as floats from -1 to 1, 0 to 1 or 0 to 255"
READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Pages:
    """Images of an array.

    Args:
        pixels: uint8 ``(n, h, w)`` or ``(n, h, w, 3)``.
        taken: how floats were understood, ``"floats from 0 to 1"``; nothing for uint8.
    """

    pixels: NDArray[np.uint8]
    taken: str = ""


def read_array(path: Path, *, wanted: Sequence[str] = ("images", "features")) -> Array:
    """The array of a ``.npy`` file; of an ``.npz`` archive ``images``, else ``features``, else the only one.

    Args:
        path: of the file.
        wanted: names to look for in an archive.

    Raises:
        UserError: it cannot be read, holds no numbers or words, is larger than the memory, or is one of several.
    """
    try:
        if path.suffix.lower() != ".npz":
            return parsed(read_bytes(path) if path.stat().st_size <= HELD else _mapped(path))
        archive = Archive(path)
        name = _chosen([name.removesuffix(".npy") for name in archive.names], wanted, path)
        member = name if name in archive.names else f"{name}.npy"
        require_memory(archive.size(member), f"{path}, unpacked,")
        return parsed(archive.read(member))
    except (OSError, ValueError) as error:
        said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise UserError(f"{path} cannot be read as an array ({said}).") from error


def contiguous(array: NDArray[np.generic]) -> memoryview:
    """The bytes of an array, in the order of its axes; not copied if they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _chosen(names: Sequence[str], wanted: Sequence[str], path: Path) -> str:
    if not names:
        raise ValueError("it holds nothing")
    for name in wanted:
        if name in names:
            return name
    if len(names) > 1:
        asked = " or ".join(f"'{name}'" for name in wanted)
        raise UserError(f"{path} holds several arrays ({some(names)}): name the one to take {asked}.")
    return names[0]


def _mapped(path: Path) -> mmap.mmap:
    """The content of a large file, which stays on the disk; what is written to it is not."""
    require_plain(path)
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def parsed(content: bytes | mmap.mmap) -> Array:
    """The array that a ``.npy`` file holds, in this machine's order of bytes. Nothing is run, nor taken on trust.

    Raises:
        ValueError: it is no such file, is cut off, or holds neither numbers nor words.
    """
    stream = io.BytesIO(content[:HEADING])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shape, by_column, dtype = READERS[npy.read_magic(stream)](stream)
    except Exception as error:  # damaged bytes raise nearly anything
        raise ValueError("it is cut off, or holds no numbers") from error
    if dtype.kind == "O":
        raise ValueError(
            "it holds Python objects, which are never loaded; save it as numbers or, by .astype(str), words"
        )
    there, claimed = len(content) - stream.tell(), math.prod(shape) * dtype.itemsize
    if dtype.kind not in "biufcUS" or dtype.itemsize == 0 or any(n < 0 for n in shape):
        raise ValueError("it is cut off, or holds no numbers")
    if there < claimed:
        raise ValueError(f"it is cut off: {claimed:,} bytes by its heading, and {there:,} are there")
    array = np.frombuffer(content, dtype, count=math.prod(shape), offset=stream.tell())
    array = array.astype(dtype.newbyteorder("="), copy=isinstance(content, bytes))
    if dtype.kind == "U" and array.size and array.view(np.uint32).max() > sys.maxunicode:
        raise ValueError("it holds what are no characters")
    return array.reshape(shape, order="F" if by_column else "C")


def as_array(values: ArrayLike | Tensor, where: str) -> Array:
    """Numbers in any form as an array on the CPU, in this machine's order of bytes.

    Raises:
        UserError: they are no array of numbers.
    """
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(values, np.ma.MaskedArray):
        raise UserError(f"{where} is an array with a mask, which would be ignored: fill or leave out what is masked.")
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufc":
            raise ValueError(f"it holds {array.dtype}")
    except Exception as error:  # of objects that are no arrays anything may come
        raise UserError(f"{where} is no array of numbers ({reason(error)}): {GIVE}.") from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_pages(array: Array, where: str) -> Pages:
    """The images of an array.

    Args:
        array: numbers.
        where: it comes from, as a message begins.

    Raises:
        UserError: it is of another type, shape or range, or holds NaN.
    """
    found = f"{where} holds {array.dtype} of shape {' x '.join(map(str, array.shape))}"
    if 0 in array.shape or array.ndim not in {3, 4}:
        raise UserError(f"{found}: {GIVE}.")
    if array.dtype.kind == "b":
        raise UserError(f"{found}: give images as uint8, here array.astype('uint8') * 255.")
    if array.dtype.kind not in "uif":
        raise UserError(f"{found}: {GIVE}.")
    if array.dtype.kind != "f" and array.dtype != np.uint8:
        low, high = int(array.min()), int(array.max())
        how = "array.astype('uint8')" if low >= 0 and high <= 255 else "scaled to 0 to 255"
        raise UserError(f"{found}, from {low:,} to {high:,}: give images as uint8, here {how}.")
    laid = _with_channels_last(array, found)
    if array.dtype == np.uint8:
        return Pages(laid.astype(np.uint8, copy=False))
    low, high = _evident_range(laid, found)
    pixels = np.empty(laid.shape, np.uint8)
    for start in range(0, len(laid), BLOCK):
        block = laid[start : start + BLOCK].astype(np.float32)
        pixels[start : start + BLOCK] = np.rint((block - low) * np.float32(255 / (high - low))).clip(0, 255)
    return Pages(pixels, f"floats from {low} to {high}")


def _with_channels_last(array: Array, found: str) -> Array:
    """``[n, h, w]`` or ``[n, h, w, 3]``: channels are 1 or 3, and sides of less than four pixels are none."""
    if array.ndim == 3:
        array = array[..., None]
    last = array.shape[3] in {1, 3} and min(array.shape[1:3]) >= LEAST_SIDE
    first = array.shape[1] in {1, 3} and min(array.shape[2:]) >= LEAST_SIDE
    if not last and not first:
        remark = "; blend what has a fourth channel for opacity with its background" if 4 in array.shape[1:] else ""
        raise UserError(f"{found}: give images {SHAPES} with sides of at least {LEAST_SIDE} pixels{remark}.")
    laid = array if last else np.moveaxis(array, 1, 3)
    return laid[..., 0] if laid.shape[3] == 1 else laid


def _evident_range(array: Array, found: str) -> tuple[int, int]:
    """From where to where floats go: the range that they keep to, within half a level, past whose middle they reach."""
    ends = []
    for start in range(0, len(array), BLOCK):
        block = array[start : start + BLOCK]
        bad = ~np.isfinite(block).reshape(len(block), -1).all(1)
        if bad.any():
            raise UserError(f"{found} with NaN or infinity, first in image {start + int(bad.argmax())}: leave it out.")
        ends.append((float(block.min()), float(block.max())))
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    for bottom, top in ((0, 1), (-1, 1), (0, 255)):
        half_a_level, half = (top - bottom) / 510, (top - bottom) / 2
        uses = low < -half / 2 if bottom else high > half
        if uses and bottom - half_a_level <= low and high <= top + half_a_level:
            return bottom, top
    raise UserError(
        f"{found}, from {low:.4g} to {high:.4g}, and their range is not evident: give uint8, or floats of -1 to 1 "
        "that reach below -0.5, of 0 to 1 that reach above 0.5, or of 0 to 255 that reach above 127.5."
    )
