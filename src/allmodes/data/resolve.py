"""What a user means by ``--data TEXT``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.discovery import entries
from ..core.errors import UserError, did_you_mean
from .base import Dataset
from .folders import is_there

PACKAGE = "allmodes.data"


def dataset_config(text: str) -> dict[str, Any]:
    """The part of a recipe for a dataset's name or for a path to images.

    Raises:
        UserError: it is neither.
    """
    known = entries(PACKAGE, Dataset)
    if text in known:
        return {"name": text}
    if is_there(Path(text)):
        return {"name": "images", "path": text}
    if set(text) & {"/", os.sep} or text.startswith(("~", ".")):
        raise UserError(f"'data': there is no file or folder '{text}': give one that holds images.")
    raise UserError(f"'data': '{text}' is neither a dataset nor an existing path.{did_you_mean(text, known)}")
