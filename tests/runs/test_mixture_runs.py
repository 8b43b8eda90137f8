"""Runs of a mixture prior leave what was seen of it, and their report shows it."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image

from allmodes.data.digits import SmallDigits
from allmodes.evaluation import mixture
from allmodes.model import Model
from allmodes.networks.generators.mlp import MLP
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.reports import write_report
from allmodes.runs.folder import open_folder
from allmodes.runs.forecast import seconds_after
from allmodes.runs.pictures import save_components
from allmodes.runs.run import Run, train
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

SMALL = {"COMPARED": 100, "DRAWN": 30, "BETWEEN": 30, "WITHIN": 12, "POOL": 50, "STEPS": 2}
BRIEF = {"threads": 1, "device": "cpu", "evaluate_every": 0}
RING = {**BRIEF, "images": 640, "batch": 64, "generator.width": 16, "prior.name": "gaussian-mixture"}
WIDTHS = {"generator.widths": [32], "discriminator.widths": [32]}
DIGITS = {**BRIEF, **WIDTHS, "images": 640, "batch": 64, "data.name": "digits", "prior.dim": 8, "prior.components": 20}
TITLES = ("The components of the prior", "Latents on a map", "Typical or different: sigma")


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLMODES_CACHE", str(tmp_path_factory.mktemp("cache")))
        for name, value in SMALL.items():
            patch.setattr(mixture, name, value)
        yield


@pytest.fixture(scope="module")
def ring(tmp_path_factory) -> Run:
    return train("ring/imle", tmp_path_factory.mktemp("ring") / "run", overrides=RING)


@pytest.fixture(scope="module")
def digits(tmp_path_factory) -> Run:
    return train("mnist/gm-gan-supervised", tmp_path_factory.mktemp("digits") / "run", overrides=DIGITS)


def seen(run: Run):
    return json.loads((run.path / "mixture.json").read_text())


def report(run: Run) -> str:
    write_report([run.path], run.path / "report.html")
    return (run.path / "report.html").read_text(encoding="utf-8")


def test_points_are_shown_in_the_colour_of_their_component(ring: Run) -> None:
    found = seen(ring)
    assert len(found["points"]["xy"]) == len(found["points"]["component"])
    assert not (ring.path / "samples" / "components.png").exists()
    page = report(ring)
    assert all(title in page for title in TITLES)
    assert "each in the colour of its component" in page


def test_a_class_that_owns_components_has_one_row(digits: Run) -> None:
    found = seen(digits)
    assert (found["components"], found["classes"], len(found["shares"])) == (20, 10, 10)
    with Image.open(digits.path / "samples" / "components.png") as picture:
        assert picture.height == 10 * (64 + 3) + 3
        assert picture.width > 12 * (64 + 3) + 3  # names stand before the rows
    page = report(digits)
    assert all(title in page for title in TITLES)
    assert "2 for each of 10 classes" in page
    assert "Within one class" in page
    assert page.count("real examples of class") == 2  # two plots
    assert found["sigma"]["certificate"]["split"] == "100 test images"
    assert found["sigma"]["ceiling"]["precision"] > 0.5


def test_many_components_stand_in_two_columns(tmp_path) -> None:
    dataset = SmallDigits()
    model = Model(MLP(dataset.shape, 4, widths=(8,)), GaussianMixture(4, components=23), config={}, card={})
    save_components(dataset, model, tmp_path)
    with Image.open(tmp_path / "components.png") as picture:
        assert picture.height == 12 * (64 + 3) + 3  # of 23 components
        assert picture.width > 24 * (64 + 3)


def test_other_priors_have_none(tmp_path) -> None:
    run = train("ring/imle", tmp_path / "run", overrides={**RING, "prior.name": "gaussian"})
    assert not (run.path / "mixture.json").exists()
    assert not any(title in report(run) for title in TITLES)


def test_a_training_that_goes_on_forgets_what_was_seen(digits: Run, tmp_path) -> None:
    shutil.copytree(digits.path, tmp_path / "run")
    open_folder(tmp_path / "run", fresh=False)
    assert not (tmp_path / "run" / "mixture.json").exists()
    assert not (tmp_path / "run" / "samples" / "components.png").exists()


def test_the_forecast_counts_what_is_seen_of_a_mixture() -> None:
    def after(prior: str) -> float:
        recipe = load_recipe("ring/imle", {**RING, "prior.name": prior})
        dataset, fabric = build_dataset(recipe), launch(recipe.settings)
        objective = build_objective(recipe, dataset, torch.device("cpu"))
        return seconds_after(Trainer(recipe, objective, dataset=dataset, fabric=fabric))

    assert after("gaussian-mixture") > after("gaussian") + 5  # t-SNE alone takes longer


def test_classes_are_said_to_be_as_many_of_the_samples_as_of_the_data(digits: Run) -> None:
    shares = torch.tensor(seen(digits)["shares"])
    weights = torch.tensor(seen(digits)["weights"]).view(2, 10).sum(0)
    assert shares.max() > shares.min() + 0.001
    torch.testing.assert_close(weights, shares, atol=5e-5, rtol=0)
