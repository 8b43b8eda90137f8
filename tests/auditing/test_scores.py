"""Metrics of others in an audit: by their published definitions, in all dimensions, with their certificates."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from prdc import compute_prdc
from scipy.linalg import sqrtm
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from allmodes.auditing import STANDARD, audit, open_distance, open_examples
from allmodes.auditing.scores import NAMES, Pair, measure
from allmodes.core.errors import UserError
from allmodes.data.pixels import to_float
from allmodes.distances.random_convolution import RandomConvolution

RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.normal(mean, 40, (n, 10, 10)).clip(0, 255).astype(np.uint8) for n, mean in ((240, 120), (200, 130)))


def raw(images: np.ndarray) -> np.ndarray:
    """Pixels in [-1, 1], a row for each image."""
    return to_float(torch.from_numpy(images)).flatten(1).numpy().astype(np.float64)


def pair(seed: int = 0, *, dim: int = 100) -> Pair:
    points = torch.from_numpy(np.random.default_rng(seed).normal(size=(500, dim))).float()
    return Pair(points[:260], points[260:], torch.arange(130), seed)


def test_the_summary_is_that_of_other_packages_in_the_whole_space() -> None:
    found = audit(REAL, FAKE).summary
    ours, theirs = raw(REAL), raw(FAKE)
    assert ours.shape[1] > 64  # more than the principal components that regions are drawn in
    for names, k in ((("precision", "recall"), 3), (("density", "coverage"), 5)):
        expected = compute_prdc(ours, theirs, k)
        assert {name: found[name].value for name in names} == pytest.approx({name: expected[name] for name in names})
    first, second = (np.cov(x, rowvar=False) for x in (ours, theirs))
    shift = ((ours.mean(0) - theirs.mean(0)) ** 2).sum()
    expected = shift + np.trace(first + second) - 2 * np.trace(sqrtm(first @ second).real)
    assert found["frechet_distance"].value == pytest.approx(expected, rel=1e-4)


def test_the_kernel_distance_is_of_features_as_the_network_gives_them() -> None:
    found = audit(REAL[:200], FAKE, metrics=("kernel_distance",)).summary
    x, y = (torch.from_numpy(raw(images)) for images in (REAL[:200], FAKE))  # of equal size, for the other package
    expected = maximum_mean_discrepancy(poly_kernel(x, x), poly_kernel(x, y), poly_kernel(y, y))
    assert list(found) == ["kernel_distance"]
    assert found["kernel_distance"].value == pytest.approx(float(expected), rel=1e-4)


def test_every_score_says_what_it_was_measured_with(tmp_path) -> None:
    for number, image in enumerate(REAL):
        Image.fromarray(image).resize((14, 12)).save(tmp_path / f"{number:03}.png")
    found = audit(REAL, tmp_path, distance=RandomConvolution(width=3), metrics=NAMES, seed=7)
    data = open_examples(REAL)
    for name, score in found.summary.items():
        certificate = score.certificate
        assert score.name == name
        assert (certificate["features"], certificate["fingerprint"]) == (
            "random-convolution",
            "random-convolution(width=3, seed=0)",
        )
        assert certificate["dimensions"] == 6 * 9
        assert certificate["resize"] == "data: none; samples: central square, Lanczos to 10 x 10"
        assert (certificate["real"], certificate["seed"]) == (data.fingerprint, 7)
    entry = json.loads(json.dumps(found.document()["summary"]["f8"]))
    assert (entry["n_real"], entry["n_fake"]) == (240, 240)
    assert entry["certificate"]["bins"] == 20
    assert set(found.summary) == set(NAMES)


def test_the_standard_metrics_are_the_default_in_their_order() -> None:
    assert tuple(audit(REAL, FAKE).summary) == STANDARD


def test_only_inception_has_an_fid_and_a_kid() -> None:
    names = ("frechet_distance", "kid", "recall")
    found = measure(pair(), names, space="inception", certificate={})
    assert list(found) == ["fid", "kid", "recall"]
    assert [score.name for score in found.values()] == list(found)
    other = measure(pair(), ("frechet_distance", "kernel_distance"), space="pixels", certificate={})
    assert [found["fid"].value, found["kid"].value] == [score.value for score in other.values()]
    with pytest.raises(UserError, match="add --distance inception, or take frechet_distance"):
        measure(pair(), ["fid"], space="pixels", certificate={})


def test_unknown_metrics_and_those_that_cannot_be_measured_are_said() -> None:
    with pytest.raises(UserError, match="Did you mean 'coverage'"):
        measure(pair(), ["coverge"], space="pixels", certificate={})
    with pytest.raises(UserError, match="ndb cannot be measured in pixels: real: need at least 100 examples, not 60"):
        audit(REAL[:60], FAKE, metrics=["ndb"])


def test_a_feature_space_takes_options() -> None:
    assert open_distance("pixels", {"pool": 2}).fingerprint() == "pixels(pool=2)"
    for options, said in (({"pol": 2}, "distance.pol"), ({"pool": "big"}, "'distance.pool' is 'big'")):
        with pytest.raises(UserError, match=said):
            open_distance("pixels", options)
    with pytest.raises(UserError, match="needs a trained network"):
        open_distance("classifier-features")
