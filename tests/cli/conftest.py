"""A trained toy and an untrained image model, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from untrained import model_of

from allmodes.cli import main
from allmodes.core.configuration import resolve_part
from allmodes.model import GENERATORS, PRIORS, Model, build_networks
from allmodes.networks.base import Generator
from allmodes.priors.base import Prior


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ``ring/imle`` that was trained for a moment."""
    run = tmp_path_factory.mktemp("runs") / "ring"
    words = ["train", "ring/imle", "--out", str(run), "--images", "2560", "--batch=128", "--threads", "1"]
    assert main([*words, "--sample_every", "1280"]) == 0
    return run


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[[tuple[int, int, int]], Path]:
    """Writes a model folder for images of a shape, with random weights."""

    def make(shape: tuple[int, int, int]) -> Path:
        given = frozenset({"shape", "latent"})
        config = {
            "generator": resolve_part(GENERATORS, Generator, {"name": "dcgan-256", "width": 4}, given, "generator"),
            "prior": resolve_part(PRIORS, Prior, {"name": "gaussian", "dim": 256}, frozenset(), "prior"),
            "shape": list(shape),
        }
        with torch.random.fork_rng():
            torch.manual_seed(0)
            generator, prior = build_networks(config)
            for weight in generator.parameters():  # so large that its images differ
                torch.nn.init.normal_(weight, std=0.3)
        Model(generator, prior, config=config, card={}).save(tmp_path / "model")
        return tmp_path / "model"

    return make


@pytest.fixture
def enlarging(tmp_path: Path) -> Path:
    """A model folder for answers of 16 x 16 to colours of 4 x 4."""
    return model_of(tmp_path, (3, 4, 4))
