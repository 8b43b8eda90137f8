"""The few-shot protocol sees through generators that only copy, copy a half, or blend."""

from __future__ import annotations

import json

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from allmodes.core.errors import UserError
from allmodes.core.records import Score
from allmodes.data.digits import SmallDigits
from allmodes.data.fixed import FixedImages
from allmodes.data.stacked import Stacked
from allmodes.evaluation import spaces
from allmodes.evaluation.evaluate import Evaluation, evaluate
from allmodes.evaluation.protocols import few_shot
from allmodes.evaluation.protocols.base import Subject
from allmodes.evaluation.protocols.few_shot import FewShotProtocol
from allmodes.learned import features
from allmodes.model import Model
from allmodes.networks.base import Generator
from allmodes.priors.gaussian import Gaussian

COST = ("calls", "sampling_seconds")

CPU = torch.device("cpu")


class Replay(Generator):
    """Shows one of some images, whichever latent is the largest; no gradient leads from one to another."""

    name = "replay"

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images, requires_grad=False)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.images[z.argmax(1)] + 0 * z.sum(1)[:, None, None, None]


class Blend(Replay):
    """Mixes all images by the latents: it makes none of them by itself, and the space between them."""

    name = "blend"

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.einsum("nk,kchw->nchw", (2 * z).softmax(1), self.images)


@pytest.fixture(scope="module", autouse=True)
def short():
    """Less of everything, and features learned in a moment where they are learned."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"POOL": 400, "STEPS": 40, "INVERTED": 12, "WALKS": 4, "WALK": 8, "QUICK": 60}.items():
            patch.setattr(few_shot, name, value)
        yield


@pytest.fixture(scope="module")
def data() -> FixedImages:
    """24 digits of sixteen pixels a side, six of them held out."""
    images = torch.from_numpy(load_digits().images[:24]).mul(15).byte()[:, None]
    large = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return FixedImages(large, None, "24 digits", heldout=0.25)


@pytest.fixture(scope="module")
def found(data: FixedImages) -> dict[str, Evaluation]:
    real = data.batch(0, 18, 0).images
    every = torch.cat([real, data.heldout_images])
    plants = {"copies": Replay(real), "half": Replay(real[::2]), "blend": Blend(real), "truth": Replay(every)}
    found = {"copies": evaluate(subject(data, plants.pop("copies")))}
    with pytest.MonkeyPatch.context() as patch:  # the rest without the slowest network
        patch.setattr(few_shot, "second_space", lambda dataset, device: None)
        return found | {name: evaluate(subject(data, plant)) for name, plant in plants.items()}


def subject(data: FixedImages, plant: Replay, *, quick: bool = False) -> Subject:
    model = Model(plant, Gaussian(dim=len(plant.images)), config={}, card={})
    return Subject(model.sample, data, 0, CPU, quick, model=model)


def score(found: Evaluation, name: str) -> Score:
    return {each.name: each for each in found.scores}[name]


def test_copies_score_well_and_are_called_copies(found) -> None:
    copies, truth = found["copies"].headline(), found["truth"].headline()
    assert copies["frechet_distance"] < 0.1 * found["blend"].headline()["frechet_distance"]
    assert (copies["precision"], copies["covered"]) == (1, 1)
    assert copies["copied_mass"] == 1
    assert score(found["copies"], "copied_mass").ci95[0] > 0.9
    assert copies["reached_train"] == 1
    assert copies["reached_heldout"] == 0
    assert truth["reached_heldout"] == 1
    heldout = score(found["copies"], "inversion_heldout")
    assert heldout.value == pytest.approx(heldout.detail["training"], rel=1e-4)
    likeness = score(found["copies"], "frechet_heldout")
    assert likeness.value == pytest.approx(likeness.detail["training"], rel=0.1)
    assert likeness.value > 2 * copies["frechet_distance"]
    assert truth["frechet_heldout"] < likeness.value


def test_half_of_the_images_is_seen_to_be_half(found) -> None:
    half = found["half"].headline()
    assert half["covered"] == 0.5
    assert half["recall"] < 0.75
    assert half["precision"] == 1
    chosen = score(found["half"], "inversion_train")
    exact = sum(distance < 1e-6 for distance in chosen.detail["distances"])
    assert half["reached_train"] == exact / 12


def test_blends_reach_others_in_pixels_but_do_not_look_like_them(found) -> None:
    heldout = score(found["blend"], "reached_heldout")
    assert heldout.detail["pixels"] > 0.5
    assert heldout.value < 0.5
    assert found["blend"].headline()["copied_mass"] < 0.1
    assert found["blend"].headline()["largest_step"] < 0.5 * found["copies"].headline()["largest_step"]


def measured(found: Evaluation) -> list[Score]:
    """What is said of the samples, and not of what they cost."""
    return [score for score in found.scores if score.name not in COST]


def test_every_figure_says_what_it_rests_on(found) -> None:
    names = [each.name for each in found["copies"].scores]
    assert names == [
        *(
            "frechet_distance",
            "frechet_vgg",
            "frechet_heldout",
            "precision",
            "recall",
            "density",
            "coverage",
            "covered",
        ),
        *("copied_mass", "inversion_train", "reached_train", "inversion_heldout", "reached_heldout", "largest_step"),
        *COST,
    ]
    for each in measured(found["copies"]):
        assert each.certificate["protocol"].startswith("few-shot")
        assert each.certificate["data"] == "24 digits" or len(each.certificate["data"]) == 16
        assert each.certificate["seed"] == 0
        assert "(" in each.certificate["features"]
    chief = score(found["copies"], "frechet_distance")
    assert "rewards copying" in chief.certificate["protocol"]
    assert chief.certificate["split"] == "18 training images, 6 held out"
    assert (chief.n_real, chief.n_fake) == (18, 90)
    assert score(found["copies"], "frechet_vgg").certificate["features"].startswith("st-vgg16")
    assert Evaluation.from_json(json.loads(json.dumps(found["copies"].to_json(), allow_nan=False))) is not None


def test_without_a_fold_it_says_what_is_not_known(data: FixedImages) -> None:
    whole = FixedImages(data.images, None, "18 digits")
    found = evaluate(subject(whole, Replay(whole.batch(0, 18, 0).images)))
    assert {"frechet_heldout", "inversion_heldout", "reached_heldout"}.isdisjoint(found.headline())
    assert few_shot.NO_FOLD in score(found, "frechet_distance").warnings
    assert score(found, "copied_mass").value > 0.9
    assert "either half" in score(found, "copied_mass").certificate["baseline"]


def test_images_that_are_drawn_again_are_told_by_pixels(monkeypatch) -> None:
    """Every sample is a training image at a little noise; other digits are as near to them as held-out ones are."""
    monkeypatch.setattr(few_shot, "second_space", lambda dataset, device: None)
    images = torch.from_numpy(load_digits().images[:200]).mul(15).byte()[:, None]
    large = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    digits = FixedImages(large[:100], None, "100 digits", heldout=0.4)
    noise = torch.randn(60, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    again = digits.batch(0, 60, 0).images + 0.1 * noise
    others = large[100:].float() / 127.5 - 1

    def found(samples: torch.Tensor) -> Evaluation:
        def draw(n: int, seed: int) -> torch.Tensor:
            return samples[torch.randint(len(samples), (n,), generator=torch.Generator().manual_seed(seed))]

        return evaluate(Subject(draw, digits, 0, CPU, False))

    both = {"redrawn": found(again), "fresh": found(others)}
    told = {kind: " ".join(score(each, "copied_mass").warnings) for kind, each in both.items()}
    assert ["drawn again" in words for words in told.values()] == [True, False]
    redrawn, fresh = (score(each, "memorisation") for each in both.values())
    assert redrawn.value < -3
    assert redrawn.detail["p_value"] <= 0.01
    assert fresh.value > -3
    assert fresh.detail["p_value"] > 0.01
    assert redrawn.certificate["features"].startswith("pixels")


def test_a_first_look_is_short(data: FixedImages) -> None:
    plant = Replay(data.batch(0, 18, 0).images)
    found = evaluate(subject(data, plant, quick=True))
    assert list(found.headline()) == ["frechet_distance", "covered", "copied_mass"]
    assert score(found, "copied_mass").value > 0.9
    assert score(found, "covered").n_fake == 60
    assert all("quick look" in each.certificate["protocol"] for each in found.scores)


def test_learned_features_stand_in_where_the_networks_are_missing(data, tmp_path, monkeypatch) -> None:
    def missing(*arguments: object, **options: object) -> None:
        raise UserError("not installed")

    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "_schedule", lambda network, count: features._Schedule(epochs=4, lr=5e-3, batch=16))
    monkeypatch.setattr(spaces, "EfficientNetLite0Features", missing)
    monkeypatch.setattr(spaces, "StFeatures", missing)
    monkeypatch.setattr(few_shot, "StLpips", missing)
    for kept in (spaces.chief_space, spaces.second_space, few_shot._perceptual):
        kept.cache_clear()
    found = evaluate(subject(data, Replay(data.batch(0, 18, 0).images)))
    assert {"frechet_vgg", "largest_step"}.isdisjoint(found.headline())
    for each in measured(found):
        assert each.certificate["features"].startswith("embedding-features")
        assert spaces.STAND_IN in each.warnings
    for kept in (spaces.chief_space, spaces.second_space, few_shot._perceptual):
        kept.cache_clear()


def test_which_data_it_is_for(data: FixedImages) -> None:
    protocol = FewShotProtocol()
    assert protocol.fits(data)
    assert not protocol.fits(SmallDigits())  # eight pixels a side
    assert not protocol.fits(Stacked("digits"))
    image = data.images[:1]
    for count, fits in ((9, False), (10, True), (2_000, True), (2_001, False)):
        assert protocol.fits(FixedImages(image.expand(count, -1, -1, -1), None, "same")) == fits
    assert not protocol.fits(FixedImages(image.expand(20, 4, -1, -1), None, "four channels"))


def test_passes_are_of_the_images_that_there_are(monkeypatch):
    monkeypatch.setattr(few_shot, "INVERTED", 50)
    images = torch.zeros(24, 3, 16, 16)
    whole, less = FixedImages(images, None, "24 images"), FixedImages(images, None, "24 images", heldout=0.25)
    descents = [FewShotProtocol().passes(each) - 5 * len(each) for each in (whole, less)]
    assert len(less.heldout_images) == 6
    assert descents[0] == descents[1] == 2 * few_shot.LATENTS + few_shot.POOL + 24 * 3 * few_shot.STEPS
