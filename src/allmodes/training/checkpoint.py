"""Checkpoints: everything a training needs to go on as if it had never stopped, in one file.

All random draws are functions of the seed and the step, so the state is: weights of all players, the averaged
generator, the optimizers' moments, what the objective keeps, and a few counters. One safetensors file holds it;
it appears whole under its name or not at all, and with the hash of its content: what was altered on the disk is
passed over, and the one before it is taken.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.tensors import load_tensors, save_tensors

KEPT = 2


def save(
    folder: Path, tensors: Mapping[str, Tensor], counters: Mapping[str, Any], *, model: Mapping[str, Any] | None = None
) -> Path:
    """Write a checkpoint and drop all but the newest two.

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
    save_tensors(path, own, {"counters": json.dumps(dict(counters)), "model": json.dumps(model)})
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def load_newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest checkpoint that is as it was written, or None. One that is damaged is said and passed over."""
    for path in _newest_first(folder):
        try:
            found = load_tensors(path)
            return found.tensors, json.loads(found.metadata["counters"])
        except (UserError, KeyError, ValueError) as error:
            print(f"{error} It is passed over.", file=sys.stderr)
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


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
