"""Which latents serve: laws whose Frechet distances are known, faults that are planted, and runs that keep them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.records import Score
from allmodes.core.tensors import save_tensors
from allmodes.distances.pixels import Pixels
from allmodes.evaluation import latents
from allmodes.evaluation.latents import latents_gap, shuffled
from allmodes.evaluation.protocols import few_shot
from allmodes.evaluation.spaces import Space
from allmodes.model import Model
from allmodes.networks.base import Generator
from allmodes.priors.gaussian import Gaussian
from allmodes.reports import read_run, write_report
from allmodes.reports.sections.latents import say
from allmodes.runs.run import evaluate_run, train

DIM, IMAGES, HELDOUT = 4, 300, 200
PIXEL = 1 / 16  # a latent as a pixel, which is from -1 to 1
CPU = torch.device("cpu")


class Show(Generator):
    """The latent itself as an image of one row, less bright."""

    name = "show"

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return PIXEL * z[:, None, None, :]


class Replay(Show):
    """One of some images, whichever latent is the largest."""

    name = "replay"

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = images

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.images[z.argmax(1)]


def rows(n: int, seed: int, *, mean: float = 0.0, std: float = 1.0, together: float = 0.0) -> Tensor:
    """Gaussian rows ``(n, 4)``; of each two coordinates, the second correlates so much with the first."""
    drawn = torch.randn(n, DIM, generator=torch.Generator().manual_seed(seed))
    drawn[:, 1::2] = together * drawn[:, ::2] + (1 - together**2) ** 0.5 * drawn[:, 1::2]
    return mean + std * drawn


def gap(images: Tensor, assigned: Tensor, generator: Generator, heldout: Tensor | None = None) -> Score:
    """Of rows, which are images of one row and their own features, less bright."""
    images, heldout = PIXEL * images, PIXEL * (images[:0] if heldout is None else heldout)
    space = Space(Pixels(), CPU, images[:, None, None, :], images, heldout)
    model = Model(generator, Gaussian(dim=assigned.shape[1]), config={}, card={})
    fresh = space.features(model.sample(latents.DRAWS * len(images), seed=5))
    score = latents_gap(model, assigned, [space], fresh=[fresh], seed=0)
    assert score is not None
    return score


def mean(score: Score, kind: str, view: str = "training") -> float:
    """In rows as they were."""
    return float(np.mean(score.detail["views"][view][kind])) / PIXEL**2


def test_assigned_latents_in_one_place_differ_from_fresh_ones_by_their_coordinates() -> None:
    """Data and assigned latents N(2, 0.5^2 I), fresh ones N(0, I): the distance is 4 (2^2 + 0.5^2)."""
    images = rows(IMAGES, 0, mean=2, std=0.5)
    score = gap(images, rows(IMAGES, 1, mean=2, std=0.5), Show(), rows(HELDOUT, 2, mean=2, std=0.5))
    for view in ("training", "heldout"):
        assert mean(score, "fresh", view) == pytest.approx(17, rel=0.1)
        assert mean(score, "assigned", view) < 0.1
        assert mean(score, "shuffled", view) < 0.1
    assert score.value == pytest.approx(1, abs=0.02)
    assert "The fault is in the latents" in say(score)
    assert "single coordinates of fresh ones are off, such as" in say(score)


def test_assigned_latents_of_the_prior_s_coordinates_differ_by_how_they_go_together() -> None:
    """Two pairs that correlate by 0.95, and N(0, I): the distance is 2 ((1.95^0.5 - 1)^2 + (0.05^0.5 - 1)^2)."""
    images, heldout = rows(IMAGES, 0, together=0.95), rows(HELDOUT, 2, together=0.95)
    score = gap(images, rows(IMAGES, 1, together=0.95), Show(), heldout)
    expected = 2 * ((1.95**0.5 - 1) ** 2 + (0.05**0.5 - 1) ** 2)
    for kind in ("fresh", "shuffled"):
        assert mean(score, kind) == pytest.approx(expected, rel=0.15)
    assert mean(score, "assigned") < 0.15 * expected
    assert "The fault is in the latents" in say(score)
    assert "what fresh ones lack is how coordinates go together" in say(score)


def test_a_generator_that_errs_at_assigned_latents_too_is_not_excused() -> None:
    """Data N(2, I), and latents of either kind N(0, I): the distance is 16 everywhere."""
    score = gap(rows(IMAGES, 0, mean=2), rows(IMAGES, 1), Show(), rows(HELDOUT, 2, mean=2))
    assert mean(score, "assigned") == pytest.approx(16, rel=0.1)
    assert abs(score.value) < 0.1
    assert "Nothing here points to the latents" in say(score)
    half = gap(rows(IMAGES, 0, mean=2), rows(IMAGES, 1, mean=0.3), Show(), rows(HELDOUT, 2, mean=2))
    assert half.value == pytest.approx(1 - 1.7**2 / 2**2, abs=0.1)
    assert "that is the generator's" in say(half)


def test_one_latent_for_each_image_is_no_lead_over_fresh_ones_that_show_each_as_often_as_it_happens() -> None:
    """A generator that replays the images in equal shares has no fault; its n assigned latents show each just once."""
    images = rows(40, 0)
    score = gap(images, torch.eye(40), Replay(PIXEL * images[:, None, None, :]))
    assert (score.value, score.ci95) == (0.0, None)
    assert "lack nothing" in say(score)


def test_latents_chosen_for_the_images_are_no_lead_where_the_law_is_right() -> None:
    """Samples follow the data's law, and the assigned ones were picked as near to the images as can be."""
    images = rows(IMAGES, 0)
    score = gap(images, images, Show(), rows(HELDOUT, 2))
    assert "The fault" not in say(score)


def test_without_held_out_images_the_lead_is_said_to_hold_their_choice() -> None:
    images = rows(IMAGES, 0, mean=2)
    assert "--data.heldout 0.2" in say(gap(images, rows(IMAGES, 1, mean=2), Show()))
    assert "--data.heldout" not in say(gap(images, rows(IMAGES, 1, mean=2), Show(), rows(HELDOUT, 2, mean=2)))


def test_all_sets_are_of_one_size(monkeypatch) -> None:
    monkeypatch.setattr(latents, "MOST", 50)
    asked = []
    monkeypatch.setattr(latents, "frechet_distance", lambda real, fake: asked.append(len(fake)) or Score("f", 1.0))
    score = gap(rows(IMAGES, 0), rows(3 * IMAGES, 1), Show())
    assert asked == [50] * 4 * latents.DRAWS
    assert (score.n_real, score.n_fake) == (IMAGES, 50)


def test_shuffled_latents_keep_each_coordinate_and_no_row() -> None:
    before = torch.arange(200.0).view(50, 4)
    after = shuffled(before, seed=3)
    assert torch.equal(after.sort(0).values, before)
    together = (after[:, 1:] - after[:, :1] == torch.tensor([1.0, 2.0, 3.0])).all(1)
    assert together.sum() <= 2
    assert torch.equal(after, shuffled(before, seed=3))


SMALL = {"images": 64, "batch": 16, "threads": 1, "device": "cpu", "evaluate_every": 0, "prior.dim": 2}
SMALL |= {"matching.pool": 64, "matching.refresh": 2, "matching.turns": 1, "distance": "pixels", "data.heldout": 0.2}


@pytest.fixture(scope="module", autouse=True)
def short():
    """Less of everything, and pixels in place of networks."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"POOL": 50, "STEPS": 2, "INVERTED": 4, "WALKS": 2, "WALK": 2}.items():
            patch.setattr(few_shot, name, value)
        patch.setattr(few_shot, "chief_space", lambda dataset, device: Space.of(Pixels(), dataset, device))
        patch.setattr(few_shot, "second_space", lambda dataset, device: None)
        patch.setattr(few_shot, "_perceptual", lambda device: None)
        yield


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> dict[str, object]:
    """What trains in a moment, on twenty digits of sixteen pixels a side of which four are held out."""
    folder = tmp_path_factory.mktemp("few")
    for number, digit in enumerate(load_digits().images[:20]):
        large = (digit * 15).astype(np.uint8).repeat(2, 0).repeat(2, 1)
        Image.fromarray(large).save(folder / f"{number}.png")
    return {**SMALL, "data": str(folder), "data.size": 16}


def test_a_run_keeps_its_latents_and_is_evaluated_by_them_again(few, tmp_path) -> None:
    """Also once it went on from a checkpoint to more images; from its checkpoint alone, and when those are gone."""
    run = train("few-shot/one-to-one", tmp_path / "run", overrides=few)
    first = run.evaluation().headline()["prior_gap"]
    run = train("few-shot/one-to-one", tmp_path / "run", overrides={**few, "images": 128})
    found = {score.name: score for score in run.evaluation().scores}["prior_gap"]
    assert found.value != first
    for name, gone in {"stopped": ("model", "assigned.safetensors"), "finished": ("checkpoints",)}.items():
        shutil.copytree(run.path, tmp_path / name, ignore=shutil.ignore_patterns(*gone))
        again = {score.name: score for score in evaluate_run(tmp_path / name).scores}["prior_gap"]
        assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    assert run.assigned(run.model()).shape == (32, 2)  # of two batches, one each
    write_report([run.path], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert say(read_run(run.path).scores["prior_gap"]) in page
    assert "A row of samples at latents assigned in training" in page
    save_tensors(run.path / "assigned.safetensors", {"latents": torch.zeros(9, 3)})
    with pytest.raises(UserError, match=r"assigned\.safetensors does not belong to this run"):
        evaluate_run(run.path)


def test_a_run_without_matches_has_no_such_section(few, tmp_path) -> None:
    adversary = {key: value for key, value in few.items() if not key.startswith(("matching", "distance"))}
    run = train("few-shot/gan", tmp_path / "run", overrides={**adversary, "images": 32})
    assert "prior_gap" not in run.evaluation().headline()
    assert not (run.path / "assigned.safetensors").exists()
    assert not (run.samples / "latents.png").exists()
    write_report([run.path], tmp_path / "report.html")
    assert "Which latents serve" not in (tmp_path / "report.html").read_text()
