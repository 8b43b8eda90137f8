"""Images with a test split are held against it, in a network that never changes, beside as many training images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import prdc as published
import pytest
import torch
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.core.files import cache_dir
from allmodes.core.records import Score
from allmodes.data.base import Dataset
from allmodes.data.digits import SmallDigits
from allmodes.data.fixed import FixedImages
from allmodes.data.planar import Grid
from allmodes.data.stacked import Stacked
from allmodes.data.triangles import Triangles
from allmodes.distances.st_features import StAlexFeatures
from allmodes.evaluation import clusters, reference
from allmodes.evaluation.evaluate import _protocol, evaluate
from allmodes.evaluation.protocols.base import Subject
from allmodes.learned import features
from allmodes.model import Model
from allmodes.networks.generators.mlp import MLP
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.reports.words import LABELS

CPU = torch.device("cpu")
DIGITS = SmallDigits()
TEST = 360
NAMES = {"frechet_distance", "precision", "recall", "density", "coverage"}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLMODES_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def scores(images: Tensor, *, quick: bool = False) -> Mapping[str, Score]:
    """Of samples that are the first of these images."""
    place = iter(range(0, len(images), 500))

    def sample(n: int, seed: int) -> Tensor:
        start = next(place)
        return images[start : start + n]

    return {score.name: score for score in evaluate(Subject(sample, DIGITS, 0, CPU, quick)).scores}


@pytest.fixture(scope="module")
def training(cache: object) -> Mapping[str, Score]:
    return scores(DIGITS.batch(0, TEST, 0).images)


def test_figures_are_those_of_the_published_package_in_the_features_of_the_network(training) -> None:
    network = StAlexFeatures()
    real, fake = network.embed(DIGITS.test_images), network.embed(DIGITS.batch(0, TEST, 0).images)
    for k, names in ((3, ("precision", "recall")), (5, ("density", "coverage"))):
        expected = published.compute_prdc(real.numpy(), fake.numpy(), k)
        for name in names:
            assert training[name].value == pytest.approx(expected[name], abs=1e-9)
            assert training[name].certificate["k"] == k


def test_beside_every_figure_stands_that_of_as_many_training_images(training) -> None:
    assert set(training) == NAMES
    for score in training.values():
        assert score.detail["training"] == pytest.approx(score.value, abs=1e-9)  # the samples were those
        assert score.n_real == score.n_fake == TEST


def test_the_certificate_names_the_network_and_the_split(training) -> None:
    for score in training.values():
        certificate = score.certificate
        assert certificate["features"] == "st-alexnet(b356b382, least=32, bilinear, means)"
        assert certificate["split"] == "360 test images"
        assert certificate["data"] == DIGITS.fingerprint
        assert "test split" in certificate["protocol"]
        assert not any("not installed" in warning for warning in score.warnings)


def test_poor_samples_and_missing_classes_are_told_from_the_data(training) -> None:
    batch = DIGITS.batch(0, 2 * TEST, 0)
    doubled = scores((batch.images[:TEST] + batch.images[TEST:]) / 2)
    half = scores(batch.images[batch.labels < 5][:TEST])
    assert doubled["precision"].value < training["precision"].value - 0.1
    assert half["precision"].value > training["precision"].value - 0.05
    assert half["recall"].value < training["recall"].value - 0.1
    for poor in (doubled, half):
        assert poor["frechet_distance"].value > 2 * training["frechet_distance"].value


def test_the_split_is_looked_at_once_and_again_where_what_was_kept_is_damaged(monkeypatch, training) -> None:
    seen: list[int] = []
    look = reference.embedded

    def counted(distance, images, device):
        seen.append(len(images))
        return look(distance, images, device)

    monkeypatch.setattr(reference, "embedded", counted)
    images = DIGITS.batch(0, TEST, 0).images
    again = scores(images)
    assert seen == [TEST]  # the samples alone
    (kept,) = (cache_dir() / "references").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    third = scores(images)
    assert seen == [TEST] * 4
    assert {name: score.to_json() for name, score in again.items()} == {n: s.to_json() for n, s in third.items()}


def test_a_first_look_says_so(training) -> None:
    found = scores(DIGITS.batch(0, TEST, 0).images, quick=True)
    assert all("quick look" in score.certificate["protocol"] for score in found.values())


@pytest.mark.parametrize(
    ("shape", "name"),
    [((3, 32, 32), "efficientnet-lite0"), ((1, 32, 32), "st-alexnet"), ((3, 28, 32), "st-alexnet")],
)
def test_photographs_are_held_against_others_where_kinds_of_things_are_told(shape, name) -> None:
    images = FixedImages(torch.zeros(4, *shape, dtype=torch.uint8), None, "blank")
    assert reference.fixed_space(images).name == name


def test_without_the_weights_features_of_the_data_stand_in_and_say_so(monkeypatch) -> None:
    def missing() -> None:
        raise UserError("no weights")

    monkeypatch.setattr(reference, "StAlexFeatures", missing)
    monkeypatch.setattr(features, "_schedule", lambda network, count: features._Schedule(epochs=1, lr=5e-3, batch=32))
    found = scores(DIGITS.batch(0, TEST, 0).images)
    for score in found.values():
        assert score.certificate["features"].startswith("embedding")
        assert any("learned from the data stand in" in warning for warning in score.warnings)


def test_other_data_keep_their_protocols(tmp_path: Path) -> None:
    class Grey(FixedImages):
        def __init__(self, count: int) -> None:
            super().__init__(torch.zeros(count, 1, 16, 16, dtype=torch.uint8), None, "grey")

    kinds: list[tuple[Dataset, str]] = [
        (DIGITS, "test-split"),
        (Grey(3_000), "images"),  # no test split
        (Grey(300), "few-shot"),
        (Stacked("digits", channels=2), "stacked"),
        (Grid(), "planar"),
        (Triangles(), "triangles"),
    ]
    assert [_protocol(data).name for data, _ in kinds] == [name for _, name in kinds]


def test_components_that_are_free_of_classes_are_held_against_them(monkeypatch) -> None:
    monkeypatch.setattr(clusters, "INVERTED", 50)
    monkeypatch.setattr(clusters, "POOL", 50)
    monkeypatch.setattr(clusters, "STEPS", 2)
    images = DIGITS.batch(0, TEST, 0).images

    def found(quick: bool = False, **tied: int) -> set[str]:
        prior = GaussianMixture(4, components=10, **tied)
        model = Model(MLP(DIGITS.shape, 4, widths=(8,)), prior, config={}, card={})
        subject = Subject(lambda n, seed: images[:n], DIGITS, 0, CPU, quick, model=model)
        return {score.name for score in evaluate(subject).scores}

    judged = {f"{name}_by_inversion" for name in ("nmi", "ari", "hungarian_accuracy", "purity")}
    cost = {"calls", "sampling_seconds"}
    assert found() == NAMES | judged | cost
    assert judged | cost <= set(LABELS)
    assert found(classes=10) - cost == found(quick=True) == NAMES
