"""Files of tensors that are whole or absent, and that know whether they are still what was written."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import UserError
from .files import atomic, require_plain

HASH = "sha256"  # the entry of the metadata that holds the hash of everything else


@dataclass(frozen=True)
class TensorFile:
    """What a file of tensors holds.

    Args:
        tensors: by name.
        metadata: texts beside them.
        hash: of both, in hexadecimal.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    hash: str


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> str:
    """Write a safetensors file atomically, from any device, with the hash of its content.

    Tensors must not share memory.

    Returns:
        The hash.

    Raises:
        UserError: it cannot be written (disk full, no permission).
    """
    whole = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    texts = dict(metadata or {})
    found = content_hash(whole, texts)
    with atomic(path) as temporary:
        try:
            save_file(whole, temporary, {**texts, HASH: found})
        except SafetensorError as error:  # not an OSError, whatever the system said
            said = re.search(r"os error (\d+)", str(error))
            raise (OSError(int(said[1]), os.strerror(int(said[1]))) if said else OSError(str(error))) from error
    return found


def load_tensors(path: Path) -> TensorFile:
    """Read a file that :func:`save_tensors` wrote.

    Raises:
        UserError: it is missing, truncated, altered since it was written, or has no hash.
    """
    tensors, metadata = read_tensors(path)
    stated = metadata.pop(HASH, None)
    if stated is None:
        raise UserError(f"{path} has no hash of its content: it is damaged, or of an earlier version of allmodes.")
    if content_hash(tensors, metadata) != stated:
        raise UserError(f"{path} is damaged: its content is not what was written.")
    return TensorFile(tensors, metadata, stated)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file, whoever wrote it, as they are.

    Raises:
        UserError: it is missing, or no such file.
    """
    require_plain(path)
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (SafetensorError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is damaged: it cannot be read ({error}).") from error


def load_newest(folder: Path, pattern: str) -> TensorFile | None:
    """Of numbered files, the last that is as it was written; those after it are said. None if there are no such files.

    Raises:
        UserError: there are some, and none of them is.
    """
    files = sorted(folder.glob(pattern), reverse=True)
    for path in files:
        try:
            return load_tensors(path)
        except UserError as error:
            print(f"{error} It is passed over.", file=sys.stderr)
    if files:
        raise UserError(
            f"None of the {len(files)} files {folder / pattern} is as it was written: start over with --fresh."
        )
    return None


def content_hash(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes and values of tensors on the CPU, and of the texts beside them."""
    total = hashlib.sha256()
    for key, value in sorted(tensors.items()):
        total.update(repr((key, str(value.dtype), tuple(value.shape))).encode())
        total.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    total.update(repr(sorted(metadata.items())).encode())
    return total.hexdigest()
