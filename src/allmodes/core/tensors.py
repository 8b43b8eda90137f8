"""Files of tensors that are whole or absent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from .files import atomic


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file atomically, from any device. Tensors must not share memory.

    Raises:
        UserError: it cannot be written (disk full, no permission).
    """
    whole = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic(path) as temporary:
        try:
            save_file(whole, temporary, dict(metadata) if metadata else None)
        except SafetensorError as error:  # not an OSError, whatever the system said
            raise OSError(str(error)) from error
