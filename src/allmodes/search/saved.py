"""The file of a DCI index: what must be true of every field before native code sees it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest, require_plain
from .directions import FURTHEST, Directions

FORMAT = "allmodes.dci.1"
ORDERS = ("l2", "linf", "prioritized")
KINDS = ("random", "pca", "given")
TYPES = {
    "points": torch.float32,
    "ids": torch.int64,
    "next": torch.int64,
    "children": torch.int64,
    "matrix": torch.float32,
    "origin": torch.float32,
    "scale": torch.float64,
}
LEAST = {"dim": 1, "simple": 1, "composite": 1, "levels": 1, "seed": 0}
BEFORE = {"levels": "1"}  # of files from before there were levels

LAST = 2**62  # above all ids
DIGITS = 20  # of the largest number, a seed


@dataclass(frozen=True)
class Saved:
    """What a file holds.

    Args:
        dim, simple, composite, levels, seed, order, kind: the index's own.
        points: ``(n, dim)``.
        ids: ``(n,)``, ascending.
        following: the id of the next point that is added.
        children: points of a cell of the levels; 0 where nothing is planned yet.
        directions: None where none were fitted yet.
    """

    dim: int
    simple: int
    composite: int
    levels: int
    seed: int
    order: str
    kind: str
    points: Tensor
    ids: Tensor
    following: int
    children: int
    directions: Directions | None


def tensors_hash(tensors: dict[str, Tensor]) -> str:
    """A hash of their bytes, in the order of their names."""
    return digest(*(tensors[key].numpy().tobytes() for key in sorted(tensors)))


def read_index(path: Path) -> Saved:
    """Read and check a file.

    Raises:
        UserError: it is missing, truncated, altered or something else, or a field of it cannot be.
    """
    require_plain(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}): it is missing, truncated or no index.") from error
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path} is a safetensors file, but no index that DCI.save wrote.")
    try:
        return _checked(metadata, tensors)
    except ValueError as error:
        raise UserError(f"{path} is no index that can be used: {error}. Save the index again.") from error


def _checked(metadata: dict[str, str], tensors: dict[str, Tensor]) -> Saved:
    for key, tensor in tensors.items():
        _require(tensor.dtype == TYPES.get(key), key, f"is of type {tensor.dtype}, not {TYPES.get(key)}")
    if metadata.get("hash") != tensors_hash(tensors):
        raise ValueError("it was altered after it was saved, since its hash does not fit")
    metadata, tensors = BEFORE | metadata, {"children": torch.tensor(0)} | tensors
    numbers = {key: _count(metadata, key, least) for key, least in LEAST.items()}
    for key, known in {"order": ORDERS, "kind": KINDS}.items():
        _require(metadata.get(key) in known, key, f"is not one of {', '.join(known)}")
    _require(numbers["levels"] == 1 or metadata["order"] == "prioritized", "levels", "is for another order")
    depth, dim = numbers["simple"] * numbers["composite"], numbers["dim"]
    count = len(tensors["points"]) if "points" in tensors and tensors["points"].ndim else 0
    shapes = {"points": (count, dim), "ids": (count,), "next": (), "children": ()}
    if count or "matrix" in tensors or "origin" in tensors or metadata["kind"] == "given":
        shapes |= {"matrix": (depth, dim), "origin": (dim,)}
    for key, shape in shapes.items():
        _require(key in tensors, key, "is missing")
        _require(tensors[key].shape == shape, key, f"has shape {tuple(tensors[key].shape)}, not {shape}")
        _require(bool(torch.isfinite(tensors[key]).all()), key, "contains NaN or infinity")
    ids, following = tensors["ids"], int(tensors["next"])
    _require(bool((ids.diff() > 0).all()) and not (count and ids[0] < 0), "ids", "does not ascend from 0 or above")
    lowest = int(ids[-1]) + 1 if count else 0
    _require(lowest <= following <= LAST, "next", f"is {following}, not from {lowest} to {LAST}")
    children = int(tensors["children"])
    _require(0 <= children <= LAST, "children", f"is {children}, not from 0 to {LAST}")
    return Saved(
        **numbers,
        order=metadata["order"],
        kind=metadata["kind"],
        points=tensors["points"],
        ids=ids,
        following=following,
        children=children,
        directions=_directions(tensors) if "matrix" in shapes else None,
    )


def _directions(tensors: dict[str, Tensor]) -> Directions:
    scale = tensors.get("scale", torch.tensor(1.0))
    _require(scale.shape == (), "scale", f"has shape {tuple(scale.shape)}, not ()")
    mantissa, exponent = math.frexp(float(scale))
    near = mantissa == 0.5 and abs(exponent - 1) <= FURTHEST
    _require(near, "scale", f"is {float(scale)}, not a power of two that float32 can hold")
    return Directions(tensors["matrix"], tensors["origin"], float(scale))


def _count(metadata: dict[str, str], key: str, least: int) -> int:
    text = metadata.get(key, "")
    known = text.isascii() and text.isdecimal() and len(text) <= DIGITS
    _require(known and int(text) >= least, key, f"is not a whole number from {least} on")
    return int(text)


def _require(fact: bool, key: str, wrong: str) -> None:
    if not fact:
        raise ValueError(f"its field '{key}' {wrong}")
