"""The contract of every objective: it trains, its gradients are finite, it resumes bit for bit, alone or shared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from allmodes.core.discovery import entries
from allmodes.objectives import Objective
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.checkpoint import load_newest, save
from allmodes.training.processes import launch
from allmodes.training.recipe import Recipe, load_recipe
from allmodes.training.trainer import Trainer

OBJECTIVES = sorted(entries("allmodes.objectives", Objective))
NEAREST = {"name": "nearest", "pool": 64, "refresh": 3, "block": 32}
FASTGAN = {
    "generator": {"name": "fastgan", "width": 8},
    "discriminator": {"name": "fastgan", "width": 8},
    "loss": {"name": "hinge", "gamma": 0.1},
}
STYLEGAN2 = {
    "generator": {"name": "stylegan2", "width": 8, "most": 16, "style": 16, "mapping": 2},
    "discriminator": {"name": "stylegan2", "width": 8, "most": 16},
    "loss": {"name": "non-saturating", "gamma": 0.1, "every": 4, "where": "real"},
}
EXACT = {"precision": "32-true"}
NO_ADVERSARY = {"discriminator": None, "loss": None}
INFO_GAN = {
    "objective": "info-gan",
    "prior": {"name": "gaussian-mixture", "dim": 16, "components": 4},
    "encoder": {"name": "convolutional", "width": 8},
}
FLOW = {
    **NO_ADVERSARY,
    "objective": "flow-matching",
    "prior.dim": 192,
    "generator": {"name": "unet", "steps": 5},
    "generator.width": 8,
    "optimizer.lr": 0.003,
}
ENLARGED = {  # from 4 x 4
    **NO_ADVERSARY,
    "degradation": {"name": "downsample", "factor": 2},
    "generator": {"name": "cascade", "widest": 16, "style": 8},
    "prior.dim": 16,
    "distance": "pixels",
}
PAIRED = {  # the same, and a discriminator of images with their inputs
    **{key: ENLARGED[key] for key in ("degradation", "prior.dim")},
    "generator": {"name": "cascade", "widest": 8, "style": 4},
    "discriminator": {"name": "patch", "width": 4, "layers": 2},
}
BICYCLE = {**PAIRED, "objective": "bicyclegan", "encoder": {"name": "convolutional", "width": 8, "heads": 2}}
EARLY = {"glann": {"objective.until": 0.02}}  # of the toy's training: its second step is of the second stage


def tied(classes: int) -> dict:
    """A mixture that is learnt, one component for every class."""
    return {"prior": {"name": "dynamic-mixture", "dim": 16, "components": classes, "classes": classes}}


# per objective: the recipe that is made small, and what makes it this objective's
TOYS: dict[str, tuple[str, dict]] = {
    "gan": ("ring/gan", {}),
    "imle": ("ring/imle", {}),
    "imle-gan": ("ring/gan", {"objective": "imle-gan", "distance": "pixels", "matching": NEAREST}),
    "adaptive-imle": ("crowd/imle", {"objective": "adaptive-imle"}),
    "glo": ("crowd/imle", {"objective": "glo", "matching": None, "prior": {"name": "fitted-gaussian", "dim": 4}}),
    "glann": ("crowd/imle", {"objective": {"name": "glann", "until": 0.7}, "prior": {"name": "implicit", "dim": 4}}),
    "fastgan": ("stacked-digits/gan", {**FASTGAN, "objective": "fastgan", "data": {"name": "digits"}, "prior.dim": 16}),
    "stylegan2": (
        "stacked-digits/gan",
        {
            "data": "digits",
            "prior.dim": 16,
            "generator": {"name": "stylegan2", "style": 16, "most": 64, "mapping": 1, "multiplier": 1.0},
            "discriminator": {"name": "convolutional", "width": 16, "hidden": 64},
            "loss": {"name": "non-saturating", "gamma": 0.01, "every": 16, "where": "real"},
            "objective": {"name": "stylegan2", "mixing": 0.5, "path": 0.01, "target": None},
            "optimizer": {"lr": 0.005, "beta1": 0.5, "discriminator": {"lr": 0.003}},
        },
    ),
    "unrolled-gan": ("ring/gan", {"objective": "unrolled-gan"}),
    "flow-matching": ("stacked-digits/gan", {**FLOW, "data": {"name": "digits"}, "prior.dim": 64}),
    "gm-gan-em": (
        "ring/gan",
        {
            "prior": {"name": "fitted-mixture", "dim": 4, "components": 3, "sigma": 1.0},
            "objective": {"name": "gm-gan-em", "every": 64 * 100, "inverted": 100, "steps": 5, "pool": 100},
        },
    ),
    "gm-gan": ("ring/gan", {"objective": "gm-gan", **tied(8), "discriminator": {"name": "mlp", "classes": 8}}),
    "info-gan": ("stacked-digits/gan", {**INFO_GAN, "data": {"name": "digits"}, "discriminator.width": 16}),
    "pacgan": ("ring/gan", {"objective": "pacgan"}),
    "regression": ("stacked-digits/gan", {**ENLARGED, "objective": "regression", "data": {"name": "digits"}}),
    "srgan": (
        "stacked-digits/gan",
        {**PAIRED, "objective": "srgan", "distance": "pixels", "data": {"name": "digits"}},
    ),
    "pix2pix": ("stacked-digits/gan", {**PAIRED, "objective": "pix2pix", "data": {"name": "digits"}}),
    "bicyclegan": ("stacked-digits/gan", {**BICYCLE, "data": {"name": "digits"}}),
    "chimle": (
        "stacked-digits/gan",
        {**ENLARGED, "objective": {"name": "chimle", "pools": [4, 4], "refresh": 3}, "data": {"name": "digits"}},
    ),
    "veegan": ("ring/gan", {"objective": "veegan", "encoder": {"name": "mlp", "heads": 1}, "loss": "reverse-kl"}),
}
PROJECTED = {
    "distance": "random-projection",
    "matching": {"name": "nearest", "pool": 48, "refresh": 4, "block": 16, "within": "part"},
}
WHOLE = {**PROJECTED, **NO_ADVERSARY, "data.fixed": 48, "matching": {**PROJECTED["matching"], "within": "whole"}}
CLASSES = {  # of the digits, by the generator, by components of the prior, or both
    "data": {"name": "digits"},
    "generator": {"name": "mlp", "widths": [16], "classes": 10},
    "matching": {**PROJECTED["matching"], "within": "whole", "pool": 24, "block": 40},
}
OWN = {"name": "gaussian-mixture", "dim": 8, "components": 20, "classes": 10}
DIGITS: dict[str, tuple[str, dict]] = {
    "gan": ("stacked-digits/gan", {}),
    "imle": ("stacked-digits/imle-gan", {**PROJECTED, **NO_ADVERSARY, "objective": "imle"}),
    "imle-gan": ("stacked-digits/imle-gan", PROJECTED),
    "adaptive-imle": ("stacked-digits/imle-gan", {**WHOLE, "objective": {"name": "adaptive-imle", "tighten": 0.001}}),
    "glo": ("stacked-digits/imle-gan", {**WHOLE, "objective": "glo", "prior": "fitted-gaussian", "matching": None}),
    "glann": ("stacked-digits/imle-gan", {**WHOLE, "objective": {"name": "glann", "until": 0.3}, "prior": "implicit"}),
    "fastgan": (
        "stacked-digits/gan",
        {**FASTGAN, "objective": {"name": "fastgan", "augmentation": ["colour", "translation"]}},
    ),
    "stylegan2": (
        "stacked-digits/gan",
        {
            **STYLEGAN2,
            "generator": {**STYLEGAN2["generator"], "noise": 4},
            "objective": {"name": "stylegan2", "path_every": 2, "target": 0.0, "speed": 64 * 2},
        },
    ),
    "unrolled-gan": ("stacked-digits/gan", {"objective": {"name": "unrolled-gan", "unroll": 2}}),
    "flow-matching": ("stacked-digits/gan", FLOW),
    "gm-gan-em": (
        "stacked-digits/gan",
        {
            "prior": {"name": "fitted-mixture", "dim": 16, "components": 3},
            "objective": {"name": "gm-gan-em", "every": 96, "inverted": 41, "steps": 3, "pool": 41},
        },
    ),
    "gm-gan": (
        "stacked-digits/gan",
        {
            "objective": "gm-gan",
            "data": "digits",
            **tied(10),
            "discriminator": {"name": "convolutional", "classes": 10},
        },
    ),
    "info-gan": ("stacked-digits/gan", INFO_GAN),
    "pacgan": ("stacked-digits/gan", {"objective": "pacgan", "loss": "dragan"}),
    "veegan": (
        "stacked-digits/gan",
        {
            "objective": "veegan",
            "loss": "reverse-kl",
            "encoder": {"name": "convolutional", "width": 8, "heads": 1},
            "discriminator": {"name": "convolutional", "width": 8, "normalisation": "spectral"},
        },
    ),
    "imle, under labels": (
        "stacked-digits/imle-gan",
        {**PROJECTED, **NO_ADVERSARY, **CLASSES, "objective": "imle"},
    ),
    "imle-gan, under labels and of components of their own": (
        "stacked-digits/imle-gan",
        {
            **PROJECTED,
            **CLASSES,
            "prior": OWN,
            "objective": {"name": "imle-gan", "judged": "matched", "perturbation": 0.1, "until": 0.4},
        },
    ),
    "regression": ("stacked-digits/gan", {**ENLARGED, "objective": "regression"}),
    "chimle": ("stacked-digits/gan", {**ENLARGED, "objective": {"name": "chimle", "pools": [3, 2], "refresh": 3}}),
    "srgan": ("stacked-digits/gan", {**PAIRED, "objective": "srgan", "distance": "pixels"}),
    "pix2pix": ("stacked-digits/gan", {**PAIRED, "objective": "pix2pix"}),
    "bicyclegan": ("stacked-digits/gan", BICYCLE),
    "imle-gan, under inputs": (
        "stacked-digits/imle-gan",
        {
            **PROJECTED,
            **PAIRED,
            "matching": {**PROJECTED["matching"], "pool": 3},
            "objective": {"name": "imle-gan", "judged": "matched", "until": None},
        },
    ),
    "imle, under inputs": (
        "stacked-digits/gan",
        {**ENLARGED, "objective": "imle", "matching": {**PROJECTED["matching"], "within": "whole", "pool": 3}},
    ),
    "imle-gan, as of photographs": (
        "stacked-digits/imle-gan",
        {
            **PROJECTED,
            "generator": "style",
            "discriminator": "projected",
            "loss": "hinge",
            "matching": {**PROJECTED["matching"], "name": "one-to-one", "turns": 1, "pool": 1},
            "objective": {"name": "imle-gan", "until": None, "judged": "matched", "augmentation": ["translation"]},
        },
    ),
}


def toy_recipe(objective: str, **overrides) -> Recipe:
    """The method in the plane, or on 8x8 digits where it needs images: small networks, matching every third step."""
    base, extra = TOYS[objective]
    small = {"images": 64 * 40, "batch": 64, "threads": 1, "generator.width": 32, "device": "cpu", **EXACT}
    return load_recipe(base, {**small, **extra, **overrides})


def digits_recipe(objective: str, **overrides) -> Recipe:
    """The method on stacked digits, with batch normalisation and a projection to match in."""
    base, extra = DIGITS[objective]
    small = {"images": 320, "batch": 32, "threads": 1, "device": "cpu", **EXACT}
    if extra.get("generator") != CLASSES["generator"]:
        small["generator.width"] = 8
    return load_recipe(base, {**small, **extra, **overrides})


def make_trainer(recipe: Recipe) -> Trainer:
    fabric = launch(recipe.settings)
    dataset = build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The gradients of the last step, of all players but the scores' biases, which a pairing loss leaves at zero."""
    found = {}
    for name, player in trainer.players.items():
        for key, parameter in player.named_parameters():
            bias = key.startswith("score.") and key.endswith("bias")
            if not bias and parameter.grad is not None:  # a player of a later stage has none yet
                found[f"{name}.{key}"] = parameter.grad.clone()
    return found


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in trainer.state()[0].items()}


@pytest.mark.parametrize("objective", OBJECTIVES)
class TestEveryObjective:
    def test_every_player_gets_finite_gradients(self, objective):
        trainer = make_trainer(toy_recipe(objective, **EARLY.get(objective, {})))
        for _ in range(2):
            trainer.one_step()
        trainer.require_finite()
        for name, player in trainer.players.items():
            for key, parameter in player.named_parameters():
                assert parameter.grad is not None, (name, key)
                assert torch.isfinite(parameter.grad).all(), (name, key)

    def test_samples_come_nearer_to_the_data(self, objective):
        """Every method must move samples onto the data: the distance of data to samples falls."""
        steps = 120 if "degradation" in TOYS[objective][1] else 300  # under inputs, each takes as long as many others
        trainer = make_trainer(toy_recipe(objective, images=64 * steps))
        data, others = (trainer.dataset.batch(number, 500, 1).images.flatten(1) for number in (0, 1))

        def nearest(samples: torch.Tensor) -> float:
            return float(torch.cdist(data, samples).min(dim=1).values.mean())

        def reach() -> float:
            generator = trainer.players["generator"]
            inputs = trainer.dataset.batch(0, 500, 2).inputs
            with torch.no_grad():
                z = trainer.objective.prior.sample(500, torch.Generator().manual_seed(0)).z
                return nearest((generator(z) if inputs is None else generator(z, inputs)).flatten(1))

        # in the plane distances can vanish; of images not even other real ones come nearer than this
        floor = nearest(others) if len(trainer.dataset.shape) == 3 else 0.0
        before = reach()
        trainer.fit([])
        assert reach() - floor < 0.5 * (before - floor)

    def test_latents_that_serve_the_examples_are_known_and_survive_a_checkpoint(self, objective):
        recipe = toy_recipe(objective)
        first, second = make_trainer(recipe), make_trainer(recipe)
        for _ in range(2):
            first.one_step()
        second.load_state(*first.state())
        serving, again = first.objective.assigned(), second.objective.assigned()
        assert (serving is not None) == (objective == "glo" or bool(recipe.parts.get("matching")))
        if serving is not None:
            assert serving.shape == (len(serving), first.objective.prior.dim)
            assert len(serving) > 0
            assert torch.equal(serving, again)

    def test_same_seed_same_weights_other_seed_other_weights(self, objective):
        mixture = "components" in toy_recipe(objective).parts["prior"]  # its first means have a seed of their own
        runs = [
            make_trainer(toy_recipe(objective, seed=seed, **({"prior.seed": seed} if mixture else {})))
            for seed in (0, 0, 1)
        ]
        for name, player in runs[0].players.items():  # all that is drawn before the first step is drawn by the seed
            pairs = zip(player.parameters(), runs[2].players[name].parameters(), strict=True)
            assert any(not torch.equal(ours, theirs) for ours, theirs in pairs), name
        for trainer in runs:
            for _ in range(4):
                trainer.one_step()
        first, same, other = (weights(trainer) for trainer in runs)
        assert all(torch.equal(first[key], same[key]) for key in first)
        assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.fixture(scope="module")
def of_two_processes(tmp_path_factory) -> Path:
    """The gradients of every objective's first step when two processes share it, a file of each.

    They start once for all objectives, for starting takes longer than the steps.
    """
    folder = tmp_path_factory.mktemp("shared")
    script = Path(__file__).with_name("share_training.py")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launcher, str(script), str(folder)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("objective", DIGITS)
class TestOnImages:
    @pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
    def test_resumes_bit_for_bit(self, objective, precision, tmp_path):
        recipe = digits_recipe(objective, precision=precision)
        whole = make_trainer(recipe)
        whole.fit([])
        first = make_trainer(recipe)
        for _ in range(5):  # in the middle of a round of matching
            first.one_step()
        save(tmp_path, *first.state())
        second = make_trainer(recipe)
        found = load_newest(tmp_path)
        assert found is not None
        second.load_state(*found)
        second.fit([])
        expected, got = weights(whole), weights(second)
        assert expected.keys() == got.keys()
        for key, value in expected.items():
            assert torch.equal(value, got[key]), key
        kept, resumed = (trainer.kept.generator.state_dict() for trainer in (whole, second))
        assert all(torch.equal(value, resumed[key]) for key, value in kept.items())

    def test_two_processes_agree_with_one(self, objective, of_two_processes):
        alone = make_trainer(digits_recipe(objective))
        alone.one_step()
        shared = load_file(of_two_processes / f"{objective}.safetensors")
        for key, gradient in gradients(alone).items():
            # compared before Adam, which turns the rounding of vanishing gradients into steps
            apart = (gradient - shared[key]).norm() / gradient.norm()
            assert apart <= 1e-4, (key, float(apart))
