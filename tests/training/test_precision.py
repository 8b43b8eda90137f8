"""``precision: auto``: bfloat16 where it was measured to be faster, kept by the run wherever it goes on."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.networks.base import Generator
from allmodes.networks.flow import Flow
from allmodes.runs.run import Run, train
from allmodes.training.precision import settled
from allmodes.training.recipe import load_recipe

SMALL = {"images": 64, "batch": 32, "threads": 1, "device": "cpu", "generator.width": 8, "discriminator.width": 8}


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the processor says what it can: one with instructions for bfloat16."""
    monkeypatch.setattr("allmodes.core.processor.CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu avx512f avx512_bf16 la57\n", encoding="utf-8")
    return tmp_path / "cpuinfo"


def test_images_are_trained_in_bfloat16_where_the_processor_has_it(processor: Path) -> None:
    def chosen(recipe: str, **overrides: object) -> str:
        return settled(load_recipe(recipe, {"device": "cpu", **overrides})).settings.precision

    assert chosen("stacked-digits/gan") == "bf16-mixed"
    assert chosen("ring/imle") == "32-true"  # a toy in the plane
    assert chosen("stacked-digits/gan", precision="32-true") == "32-true"  # said is said
    assert chosen("stacked-digits/gan", device="cuda") == "32-true"
    processor.write_text("flags\t\t: fpu avx512f avx512_bf16_not la57\n", encoding="utf-8")
    assert chosen("stacked-digits/gan") == "32-true"
    processor.unlink()  # not Linux
    assert chosen("stacked-digits/gan") == "32-true"


def test_a_generator_is_called_convolutional_if_it_has_convolutions() -> None:
    for name, kind in entries("allmodes.networks.generators", Generator).items():
        shape = (3, 28, 28) if name == "unrolled" else (3, 32, 32)
        given = {"inputs": (3, 8, 8)} if kind.conditioned == "inputs" else {}
        network = kind(shape, prod(shape) if issubclass(kind, Flow) else 9, **given)  # type: ignore[call-arg]
        kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
        own = any(isinstance(part, kinds) for part in network.modules())
        assert kind.convolutional == (own or any(p.ndim == 4 and p.shape[-1] > 1 for p in network.parameters())), name


def test_a_training_goes_on_in_the_precision_that_it_was_begun_in(processor: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train("stacked-digits/gan", out, overrides=SMALL)
    assert Run(out).recipe.settings.precision == "bf16-mixed"  # resolved
    processor.unlink()
    train("stacked-digits/gan", out, overrides={**SMALL, "images": 128})
    assert Run(out).recipe.settings.images == 128
    assert Run(out).recipe.settings.precision == "bf16-mixed"
    train("stacked-digits/gan", out, overrides=SMALL, fresh=True)
    assert Run(out).recipe.settings.precision == "32-true"
