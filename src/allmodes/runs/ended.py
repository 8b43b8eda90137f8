"""How the training in a run folder ended early, from the folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_object
from ..training.patience import Ended


def read_ended(run: Path) -> Ended | None:
    """How the training in a run folder ended early, as its model says; None if it did not, or there is no model.

    Raises:
        UserError: the model's card is damaged.
    """
    path = run / "model" / "config.json"
    if not path.exists():
        return None
    try:
        found: Mapping[str, Any] | None = read_object(path)["card"].get("ended")
        return None if found is None else Ended(**{key: int(value) for key, value in found.items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}): train or copy the run again.") from error
