from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from allmodes.core.records import Score
from allmodes.data.base import Dataset
from allmodes.data.digits import SmallDigits
from allmodes.data.fixed import FixedImages
from allmodes.data.planar import Grid
from allmodes.data.stacked import Stacked
from allmodes.evaluation.evaluate import Evaluation
from allmodes.evaluation.evaluate import evaluate as evaluate_subject
from allmodes.evaluation.protocols import images
from allmodes.evaluation.protocols.base import Sampler, Subject
from allmodes.learned import features

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    """One cache for all tests here, and small classifiers of stacked digits: two channels make 100 modes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLMODES_CACHE", str(tmp_path_factory.mktemp("cache")))
        short = features._Schedule(epochs=4, lr=5e-3, batch=32)
        patch.setattr(features, "_schedule", lambda network, count: short)
        patch.setattr(images, "SAMPLES", 600)
        yield


def perfect(dataset: Dataset) -> Sampler:
    return lambda n, seed: dataset.batch(0, n, seed).images


def evaluate(sample: Sampler, dataset: Dataset, *, seed: int, quick: bool = False, reader: int = 0) -> Evaluation:
    return evaluate_subject(Subject(sample, dataset, seed, CPU, quick, reader))


def scores(found: Evaluation) -> dict[str, Score]:
    return {score.name: score for score in found.scores}


def test_real_stacks_show_every_mode_a_kl_near_the_floor_and_the_classifiers_own_confidence() -> None:
    dataset = Stacked("digits", channels=2)
    found = evaluate(perfect(dataset), dataset, seed=0)
    by_name = scores(found)
    assert set(by_name) == {"modes", "kl", "kl_uniform", "confidence", "frechet_distance"}
    assert by_name["modes"].value == 100
    assert by_name["modes"].n_fake == 2_600
    assert by_name["kl"].value < 2 * by_name["kl"].detail["floor"] + 0.01
    assert by_name["confidence"].value == pytest.approx(by_name["confidence"].detail["real"], abs=0.05)
    headline = found.headline()
    assert headline["modes_raw"] == headline["modes_corrected"] == 100
    assert headline["effective_modes"] == pytest.approx(100 * torch.tensor(-headline["kl"]).exp().item(), rel=1e-4)


def test_every_figure_carries_what_it_depends_on() -> None:
    dataset = Stacked("digits", channels=2)
    found = evaluate(perfect(dataset), dataset, seed=3)
    for score in found.scores:
        certificate = score.certificate
        assert certificate["protocol"] == "fresh"
        assert certificate["classifier"].startswith("classifier-")
        assert 0.8 < certificate["classifier_test_accuracy"] <= 1
        assert (certificate["seed"], certificate["samples"]) == (3, 2_600)
    assert scores(found)["kl"].certificate["reference"] == "training labels"
    assert scores(found)["kl_uniform"].certificate["reference"] == "uniform"


def test_a_collapsed_generator_is_caught() -> None:
    dataset = Stacked("digits", channels=2)

    def collapsed(n: int, seed: int) -> Tensor:
        return dataset.batch(0, 3, 0).images[torch.arange(n) % 3]

    found = evaluate(collapsed, dataset, seed=0).headline()
    real = evaluate(perfect(dataset), dataset, seed=0).headline()
    assert found["modes"] <= 3
    assert found["kl"] > 3
    assert found["frechet_distance"] > 10 * real["frechet_distance"]


def test_a_quick_look_says_that_it_is_one() -> None:
    dataset = Stacked("digits", channels=2)
    found = evaluate(perfect(dataset), dataset, seed=0, quick=True)
    assert scores(found)["modes"].n_fake == 520
    assert all("quick look" in score.certificate["protocol"] for score in found.scores)
    assert "frechet_distance" not in found.headline()


def test_another_reader_confirms_the_first() -> None:
    dataset = Stacked("digits", channels=2)
    first, second = (evaluate(perfect(dataset), dataset, seed=0, reader=r) for r in (0, 1))
    assert first.scores[0].certificate["classifier"] != second.scores[0].certificate["classifier"]
    assert first.headline()["modes"] == second.headline()["modes"]


def test_a_rare_class_is_counted_over_more_samples() -> None:
    dataset = Stacked("digits", channels=2, rare_class=8, rare_share=0.2)
    found = scores(evaluate(perfect(dataset), dataset, seed=0))
    rare = found["rare_modes"]
    assert rare.n_fake == rare.certificate["samples"] == 26_000
    assert found["modes"].n_fake == found["modes"].certificate["samples"] == 2_600
    assert rare.detail["modes"] == 19
    assert 0.5 < rare.detail["corrected"] < 1.5  # 36 eights at most say how often an eight is misread
    assert rare.detail["by_misreading"] < rare.value
    eights = int((dataset.labelled().test_labels == 8).sum())
    assert found["confidence"].n_real == 360 - eights + round(0.2 * eights)
    quick = scores(evaluate(perfect(dataset), dataset, seed=0, quick=True))
    assert quick["rare_modes"].n_fake == 520


def test_planar_samples_are_held_against_the_known_modes() -> None:
    dataset = Grid()
    found = evaluate(perfect(dataset), dataset, seed=0)
    assert found.headline()["modes"] == 25
    assert found.headline()["high_quality"] > 0.99
    assert found.scores[0].certificate["protocol"].startswith("planar")


def test_other_images_are_compared_in_features_and_the_certificate_says_with_what() -> None:
    digits = SmallDigits()
    dataset = FixedImages(digits.images, digits.labels, digits.fingerprint)  # that no test split belongs to
    found = evaluate(perfect(dataset), dataset, seed=0)
    (score,) = found.scores
    noise = evaluate(lambda n, seed: torch.rand(n, 1, 8, 8) * 2 - 1, dataset, seed=0)
    assert score.name == "frechet_distance"
    assert score.n_real == score.n_fake == 600
    assert "training images" in score.certificate["protocol"]
    assert score.certificate["features"].startswith("embedding-")
    assert noise.headline()["frechet_distance"] > 5 * score.value


def test_an_evaluation_survives_json() -> None:
    dataset = Stacked("digits", channels=2)
    found = evaluate(perfect(dataset), dataset, seed=0)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Evaluation.from_json(json.loads(text)).headline() == found.headline()
    assert Evaluation.from_json(json.loads(text)).to_json() == json.loads(text)


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    dataset = Stacked("digits", channels=2)
    first, second, other = (evaluate(perfect(dataset), dataset, seed=s).headline() for s in (0, 0, 1))
    assert first == second
    assert first != other
