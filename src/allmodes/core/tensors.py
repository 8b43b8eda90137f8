"""Files of tensors that are whole or absent, and that know whether they are still what was written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .errors import UserError
from .files import atomic

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
            raise OSError(str(error)) from error
    return found


def load_tensors(path: Path) -> TensorFile:
    """Read a file that :func:`save_tensors` wrote.

    Raises:
        UserError: it is missing, truncated, altered since it was written, or has no hash.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is damaged: it cannot be read ({error}).") from error
    stated = metadata.pop(HASH, None)
    if stated is None:
        raise UserError(f"{path} has no hash of its content: it is damaged, or of an earlier version of allmodes.")
    if content_hash(tensors, metadata) != stated:
        raise UserError(f"{path} is damaged: its content is not what was written.")
    return TensorFile(tensors, metadata, stated)


def content_hash(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes and values of tensors on the CPU, and of the texts beside them."""
    total = hashlib.sha256()
    for key, value in sorted(tensors.items()):
        total.update(repr((key, str(value.dtype), tuple(value.shape))).encode())
        total.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    total.update(repr(sorted(metadata.items())).encode())
    return total.hexdigest()
