"""Checkpoints: everything a training needs to go on as if it had never stopped, in one file.

All random draws are functions of the seed and the step, so the state is: weights of all players, the averaged
generator, the optimizers' moments, what the objective keeps, and a few counters. One safetensors file holds it;
it appears whole under its name or not at all, and with the hash of its content: what was altered on the disk is
passed over, and the one before it is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import tensors as files
from ..core.errors import UserError
from ..core.files import remove
from ..model import CHECKPOINTS

KEPT = 2


def save(
    folder: Path, tensors: Mapping[str, Tensor], counters: Mapping[str, Any], *, model: Mapping[str, Any] | None = None
) -> Path:
    """Write a checkpoint and drop all but the one before.

    Args:
        folder: ``checkpoints/`` of a run.
        tensors: the state.
        counters: what JSON can hold, among it ``step``.
        model: what :func:`allmodes.model.load` needs to make a model of it: parts and card.

    Raises:
        UserError: the disk is full or the folder cannot be written; older checkpoints are untouched.
    """
    path = folder / f"step-{int(counters['step']):09d}.safetensors"
    own = {key: value.detach().clone() for key, value in tensors.items()}  # players may share a network
    files.save_tensors(path, own, {"counters": json.dumps(dict(counters)), "model": json.dumps(model)})
    earlier = [old for old in sorted(folder.glob(CHECKPOINTS)) if old.name < path.name]
    for old in folder.glob(CHECKPOINTS):  # a later one is damaged, or the training would have gone on from it
        if old != path and old not in earlier[-(KEPT - 1) :]:
            remove(old)
    return path


def load_newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """State and counters of the newest checkpoint that is as it was written; None if there is no checkpoint.

    Raises:
        UserError: there are some, and none of them is as it was written.
    """
    found = files.load_newest(folder, CHECKPOINTS)
    if found is None:
        return None
    try:
        return found.tensors, dict(json.loads(found.metadata["counters"]))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"The newest checkpoint in {folder} is of another version: start over with --fresh.") from error


def newest_step(folder: Path) -> int | None:
    """The step of the newest checkpoint by its name; None if there is none."""
    names = [path.stem.removeprefix("step-") for path in folder.glob(CHECKPOINTS)]
    return max((int(name) for name in names if name.isdecimal()), default=None)


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments of an optimizer as flat names: ``"3.exp_avg"``."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{key}": torch.as_tensor(value) for i, entry in state.items() for key, value in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    """Take up what :func:`flatten_optimizer` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries under a prefix, without it."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
