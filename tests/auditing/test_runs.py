"""A run's samples against the data that it was trained on, or against the test split that these come with."""

from __future__ import annotations

import pytest

from allmodes.auditing.runs import measure_run
from allmodes.data.digits import SmallDigits
from allmodes.distances.pixels import Pixels
from allmodes.metrics import precision_recall
from allmodes.runs.run import Run, train

TINY = {
    "data.name": "digits",
    "images": 64,
    "batch": 64,
    "generator.widths": [16],
    "discriminator.widths": [16],
    "threads": 1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALLMODES_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train("mnist/gan", tmp_path_factory.mktemp("run") / "run", overrides=TINY)


def test_samples_are_held_against_the_split_that_was_asked_for(run: Run) -> None:
    data, samples = SmallDigits(), run.model().sample(200, seed=0)
    splits = {"test": data.test_images[:200], "training": data.batch(0, 200, 0).images}
    for split, real in splits.items():
        found = measure_run(run, ["recall", "frechet_distance"], distance=Pixels(), count=200, split=split)
        expected = precision_recall(real.flatten(1), samples.flatten(1), k=found["recall"].certificate["k"])[1]
        assert found["recall"].value == pytest.approx(expected.value, abs=1e-9)
        assert found["recall"].certificate["split"] == f"{split} data"
    test, training = (
        measure_run(run, ["frechet_distance"], distance=Pixels(), count=200, split=split) for split in splits
    )
    assert test["frechet_distance"].value != training["frechet_distance"].value


def test_samples_are_drawn_with_the_noise_that_was_asked_for(run: Run) -> None:
    data, samples = SmallDigits(), run.model().sample(200, seed=0, sigma=0.3)
    found = measure_run(run, ["recall"], distance=Pixels(), count=200, split="test", sigma=0.3)["recall"]
    expected = precision_recall(data.test_images[:200].flatten(1), samples.flatten(1), k=found.certificate["k"])[1]
    assert found.value == pytest.approx(expected.value, abs=1e-9)
    assert found.certificate["sigma"] == 0.3
