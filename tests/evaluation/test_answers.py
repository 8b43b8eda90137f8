"""Questions are the images that training did not see; the answers that differ most, and where they differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch

from allmodes.core.errors import UserError
from allmodes.data.degradations.base import Degradation
from allmodes.data.degradations.downsample import Downsample
from allmodes.data.degradations.grey import Grey
from allmodes.data.degradations.hole import Hole
from allmodes.data.pixels import to_float, to_uint8
from allmodes.distances.efficientnet_lite0 import EfficientNetLite0Features
from allmodes.evaluation.answers import Questions, answers, answers_to, input_pictures, most_different, spread
from allmodes.evaluation.evaluate import evaluate
from allmodes.evaluation.fidelity import consistency
from allmodes.evaluation.protocols import conditional
from allmodes.evaluation.protocols.base import SEED
from allmodes.metrics.fidelity import psnr
from allmodes.reports.words import LABELS
from allmodes.runs.pictures import COLUMNS, answer_grid
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.current import current_model, subject
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

SMALL = {
    "data": {"name": "digits"},
    "generator": {"name": "cascade", "width": 4, "style": 4},
    "degradation": {"name": "downsample", "factor": 2},
    "prior.dim": 8,
    "distance": "pixels",
    "images": 64,
    "batch": 16,
    "threads": 1,
    "device": "cpu",
}


def trainer_of(**overrides) -> Trainer:
    recipe = load_recipe("super-resolution/conditional-imle", {**SMALL, **overrides})
    fabric, dataset = launch(recipe.settings), build_dataset(recipe)
    return Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)


def test_those_that_differ_most_are_at_least_half_as_far_apart_as_the_best_choice():
    found = torch.randn(9, 1, 2, 2, generator=torch.Generator().manual_seed(5))
    apart = torch.cdist(found.flatten(1), found.flatten(1))

    def smallest(rows: list[int]) -> float:
        return min(float(apart[a, b]) for a, b in combinations(rows, 2))

    for n in range(2, 6):
        rows = most_different(found, n).tolist()
        assert len(set(rows)) == n
        assert smallest(rows) >= 0.5 * max(smallest(list(some)) for some in combinations(range(9), n))
    assert most_different(found, 20).tolist() != []
    assert len(most_different(found, 20)) == 9


def test_spread_is_the_deviation_of_each_pixel():
    found = torch.zeros(4, 3, 2, 2)
    found[:2, :, 0, 0], found[2:, :, 0, 0] = -0.2, 0.2
    found[:2, :, 1, 1], found[2:, :, 1, 1] = -0.5, 0.5
    where = spread(found)
    assert where.shape == (1, 2, 2)
    torch.testing.assert_close(where[0], torch.tensor([[0.0, -1.0], [-1.0, 1.0]]))  # grey, black where all agree, white
    near = 0.9 + 1e-3 * torch.randn(50, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    expected = 5 * near.double().var(0, unbiased=False).mean(0).sqrt() - 1
    torch.testing.assert_close(spread(near)[0].double(), expected, atol=1e-6, rtol=0)


def test_answers_are_measured_as_files_hold_them():
    trainer = trainer_of()
    made = current_model(trainer)
    with torch.no_grad():
        made.generator.to_image[-1].bias.fill_(0.7)  # many pixels are brighter than white
    asked = Questions.of(trainer.dataset, 3)
    found = answers(made, asked.inputs, 2, seed=0)
    assert float(found.max()) == 1
    assert float(found.min()) >= -1
    files = to_float(to_uint8(found))
    torch.testing.assert_close(psnr(found[:, 0], asked.truth), psnr(files[:, 0], asked.truth), atol=0.05, rtol=0)


def test_consistency_is_measured_where_the_input_tells_of_the_answer():
    """An error of 0.1 in every pixel is 20 log10(2 / 0.1) dB, however much of the picture a hole hides."""
    rng = torch.Generator().manual_seed(0)
    truth, index = to_float(to_uint8(torch.rand(3, 3, 16, 16, generator=rng) - 0.5)), torch.arange(3)
    for degradation in (Hole(share=0.5), Hole(share=0.9), Downsample(factor=4), Grey()):

        def shrink(images: torch.Tensor, degradation: Degradation = degradation) -> torch.Tensor:
            return degradation.degrade(images, index)

        found = consistency(truth + 0.1, shrink(truth), shrink)
        assert found.tolist() == pytest.approx([20 * np.log10(20)] * 3, abs=1e-4)


def test_scores_of_answers_are_of_images_that_training_did_not_see():
    trainer = trainer_of()
    found = {score.name: score for score in evaluate(subject(trainer, quick=True)).scores}
    assert {"psnr", "psnr_best", "psnr_mean", "consistency"} <= found.keys()
    assert found["psnr_best"].value >= found["psnr"].value
    assert found["psnr"].certificate["split"] == "20 test images"
    assert {name for name in found if "features" in found[name].certificate} == {
        *("st_lpips", "st_lpips_best", "diversity")  # PSNR, SSIM and consistency are of pixels
    }
    assert found.keys() <= LABELS.keys()  # each has a name and a meaning in tables
    assert {LABELS[name].better for name in found if "lpips" not in name} == {"more"}
    asked = Questions.of(trainer.dataset, 20)
    model = current_model(trainer)
    made = answers(model, asked.inputs, 4, seed=found["psnr"].certificate["seed"])
    assert made.shape == (20, 4, 1, 8, 8)
    assert asked.shrink is not None
    assert float(psnr(asked.shrink(asked.truth), asked.inputs).min()) > 45  # but for the rounding of a picture file


@pytest.mark.parametrize(("share", "said"), [(0.2, "6 held-out images"), (0.0, "the training images themselves")])
def test_images_that_were_held_out_are_asked_and_it_is_said_if_none_were(share, said, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "few.npy", images)
    data = {"name": "images", "path": str(tmp_path / "few.npy"), "size": 8, "heldout": share}
    dataset = trainer_of(data=data).dataset
    asked = Questions.of(dataset, 100)
    assert said in asked.split
    expected = dataset.heldout_images if share else dataset.batch(0, 30, 0).images
    assert torch.equal(asked.truth, expected)


def test_answers_to_held_out_inputs_are_held_against_the_originals_of_these(tmp_path, monkeypatch):
    monkeypatch.setattr(conditional, "EACH", 3)
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.save(tmp_path / "few.npy", images)
    data = {"name": "images", "path": str(tmp_path / "few.npy"), "size": 16, "heldout": 0.3}
    trainer = trainer_of(data=data, **{"prior.dim": 4})
    found = {score.name: score for score in evaluate(subject(trainer)).scores}["frechet_distance"]
    space = EfficientNetLite0Features()
    asked = Questions.of(trainer.dataset, 100)
    made = answers(current_model(trainer), asked.inputs, 3, seed=found.certificate["seed"] + SEED).flatten(0, 1)
    with torch.no_grad():
        real, fake = (space.embed(part).double().numpy() * 1280**0.5 for part in (asked.truth, made))
    basis = np.linalg.qr(np.concatenate([real, fake]).T)[0]  # all features lie in it
    a, b = real @ basis, fake @ basis
    root = np.sqrt(np.linalg.eigvals(np.cov(a.T) @ np.cov(b.T)).astype(complex)).real.sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(np.cov(a.T) + np.cov(b.T)) - 2 * root
    assert found.value == pytest.approx(expected, rel=1e-3)
    assert (found.n_real, found.n_fake) == (12, 36)
    assert found.certificate["split"] == "12 held-out images"


def test_answers_to_an_input_of_another_size_and_one_that_cannot_be():
    model = current_model(trainer_of())
    found = answers_to(model, torch.zeros(1, 6, 10), 3, seed=1)
    assert found.shape == (3, 1, 12, 20)
    assert torch.equal(found, answers_to(model, torch.zeros(1, 6, 10), 3, seed=1))
    with pytest.raises(UserError, match="bring the input"):
        answers_to(model, torch.zeros(3, 6, 10), 3, seed=1)


def test_the_grid_of_a_run_has_what_its_columns_say():
    trainer = trainer_of()
    model, asked = current_model(trainer), Questions.of(trainer.dataset, 100).some(10)
    drawn = np.asarray(answer_grid(trainer.dataset, model))[18:, :, 0]  # below the names
    found = answers(model, asked.inputs, COLUMNS.count("answer"), seed=0)[3]
    expected = {"answer": found[0], "mean": found.mean(0), "spread": spread(found), "original": asked.truth[3]}
    for name, image in expected.items():
        column = COLUMNS.index(name)
        tile = drawn[3 * 67 + 3 : 4 * 67 : 8, column * 67 + 3 : (column + 1) * 67 : 8]  # of 8 pixels, each of 8 x 8
        np.testing.assert_allclose(tile, (image[0].numpy() + 1) * 127.5, atol=0.51)


def test_the_questions_that_are_shown_are_of_every_kind():
    inputs = torch.arange(80.0).view(80, 1, 1, 1)  # eight kinds of ten, one after another
    shown = Questions(inputs, inputs, "held-out images").some(10)
    assert set((shown.truth.flatten() // 10).tolist()) == set(range(8))
    assert torch.equal(shown.inputs, shown.truth)
    assert len(Questions(inputs, inputs, "").some(100)) == 80


def test_inputs_are_shown_as_large_as_images():
    grey = torch.rand(2, 1, 2, 2)
    shown = input_pictures(grey, (3, 4, 4))
    assert shown.shape == (2, 3, 4, 4)
    assert torch.equal(shown[:, 1, ::2, ::2], grey[:, 0])
