"""A conditional model that was never trained, and pictures to give it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from allmodes.core.configuration import resolve_part
from allmodes.model import GENERATORS, PRIORS, Model, build_networks
from allmodes.networks.base import Generator
from allmodes.priors.base import Prior

GIVEN = frozenset({"shape", "latent", "inputs", "labels"})


def model_of(folder: Path, inputs: tuple[int, ...], *, channels: int = 3) -> Path:
    """A conditional model for images of 16 x 16 that was never trained."""
    part = {"name": "cascade", "width": 4, "style": 4}
    config = {
        "generator": resolve_part(GENERATORS, Generator, part, GIVEN, "generator"),
        "prior": resolve_part(PRIORS, Prior, {"name": "gaussian", "dim": 12}, frozenset(), "prior"),
        "shape": [channels, 16, 16],
        "inputs": list(inputs),
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator, prior = build_networks(config)
    Model(generator, prior, config=config, card={}).save(folder / "model")
    return folder / "model"


def picture(path: Path, mode: str, size: tuple[int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    if mode.endswith("A"):
        pixels[..., -1] = 255
        pixels[: size[1] // 2, : size[0] // 2, -1] = 0
    Image.fromarray(pixels).save(path)
    return path
