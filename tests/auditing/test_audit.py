"""The whole audit: planted losses, equal laws, every kind of source, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import allmodes
from allmodes.auditing import Examples, audit, embedding, open_examples, views
from allmodes.auditing.verdict import percent
from allmodes.core.errors import UserError
from allmodes.distances.pixels import Pixels as PixelDistance


def digits(n: int, seed: int, *, without: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of ten kinds: a bright square in one of ten places, with noise."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 10, 2 * n)
    kinds = kinds[kinds != without][:n]
    images = rng.normal(60, 12, (n, 12, 12))
    for image, kind in zip(images, kinds, strict=True):
        row, column = divmod(int(kind), 4)
        image[4 * row : 4 * row + 4, 3 * column : 3 * column + 3] += 120
    return images.clip(0, 255).astype(np.uint8), kinds


@pytest.fixture(scope="module")
def lost():
    real, kinds = digits(1_200, 0)
    return audit(real, digits(1_000, 1, without=3)[0], labels=kinds), kinds


def test_a_lost_class_is_named(lost) -> None:
    found, kinds = lost
    share = float((kinds == 3).mean())
    members = list({i for region in found.regions if region.dropped for i in region.members})
    assert (kinds[members] == 3).mean() > 0.95
    assert len(members) > 0.9 * (kinds == 3).sum()
    assert all(next(iter(region.label_counts)) == "3" for region in found.dropped)
    low, high = found.dropped_mass.ci95
    assert share / 3 < low <= share
    assert high is None
    assert found.dropped_mass.estimate == pytest.approx(share, abs=0.02)
    assert f"(at least {percent(low)})" in found.verdict()
    ranked = kinds[[example.index for example in found.examples]]
    assert (ranked[: (kinds == 3).sum()] == 3).mean() > 0.95
    assert "drops" in found.verdict()


def test_one_view_bounds_the_loss_by_more_than_a_half_of_it() -> None:
    """Several views each bound it with less chance of error, and so lower."""
    real, kinds = digits(1_200, 0)
    low, _ = audit(real, digits(1_000, 1, without=3)[0], distance="pixels", metrics=()).dropped_mass.ci95
    assert float((kinds == 3).mean()) / 2 < low <= float((kinds == 3).mean())


def test_the_document_is_complete_and_plain(lost, tmp_path: Path) -> None:
    found, kinds = lost
    found.to_json(tmp_path / "audit.json")
    document = json.loads((tmp_path / "audit.json").read_text())
    assert document == json.loads(json.dumps(found.document()))
    assert document["schema"] == 3
    assert sorted(example["index"] for example in document["examples"]) == list(range(len(kinds)))
    for region in document["regions"]:
        assert sum(region["label_counts"].values()) == len(region["members"])
        assert {"id", "n_real", "n_fake", "expected_fake", "ratio", "ci95", "p_value", "q_value"} <= set(region)
    for view in document["views"]:
        finest = [r for r in document["regions"] if r["view"] == view["name"] and r["id"].startswith("0-")]
        assert sorted(i for region in finest for i in region["members"]) == list(range(len(kinds)))


def test_equal_laws_raise_no_alarm() -> None:
    drawn = [(digits(400, 2 * s)[0], digits(400, 2 * s + 1)[0]) for s in range(12)]
    alarms = [bool(audit(*sides, distance="pixels", metrics=(), seed=s).dropped) for s, sides in enumerate(drawn)]
    assert sum(alarms) <= 2


def test_blurred_samples_drop_no_region_and_a_class_that_is_lost_as_well_is_found() -> None:
    """Blur makes intervals of labels wider, so that the label itself is not always sure; its regions are."""
    purity, named, held = [], [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        kinds = rng.integers(0, 5, 1_600)
        shape = 6 * rng.normal(size=(5, 4))[kinds] + 2 * rng.normal(size=(1_600, 4))
        detail = rng.normal(size=(1_600, 30))
        sharp, blurred = (np.concatenate([shape, share * detail], axis=1) for share in (1.0, 0.3))
        real, fake, labels, theirs = sharp[:800], blurred[800:], kinds[:800], kinds[800:]
        found = audit(real, fake, labels=labels, seed=seed)
        assert found.crowded_mass.ci95[0] > 0.5
        assert found.crowded_mass.estimate > 0.75
        assert not found.dropped
        assert not found.labels_dropped
        lost = audit(real, fake[theirs != 2], labels=labels, seed=seed)
        truth = np.bincount(theirs[theirs != 2], minlength=5) / (theirs != 2).sum()
        for label in lost.labels:
            low, high = label.samples_share.ci95
            held.append(low <= truth[int(label.value["label"])] <= high)
        named.append({label.value["label"] for label in lost.labels_dropped})
        purity.append((labels[[i for region in lost.dropped for i in region.members]] == 2).mean())
    assert np.mean(purity) > 0.9
    assert np.mean(held) >= 0.95
    assert all(names <= {"2"} for names in named)
    assert sum(names == {"2"} for names in named) >= 3


def spread_out(n: int, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    return scale * rng.normal(size=(n, 8))


def test_samples_that_differ_though_no_part_is_thin_are_said_to() -> None:
    rng = np.random.default_rng(0)
    found = audit(spread_out(1_000, rng), spread_out(1_000, rng, 0.9), metrics=())
    assert not found.dropped
    assert found.dropped_mass.ci95 == (0, None)
    assert found.difference.p_value <= 0.05
    assert found.verdict().startswith("Mode collapse: cannot be told. The samples differ from the data (p = 0.005)")
    assert "up to" not in found.verdict()
    same = audit(spread_out(1_000, rng), spread_out(1_000, rng), metrics=(), seed=1)
    assert same.difference.p_value > 0.05
    assert "no proof" in same.verdict()


@pytest.mark.parametrize("missing", [0, 4])
def test_samples_wasted_on_what_does_not_exist_do_not_thin_out_the_rest(missing: int) -> None:
    """Of 20 groups, the samples hold all or lack four, and as many samples again are nowhere near the data."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        centres, elsewhere = 8 * rng.normal(size=(2, 20, 8))
        real = centres[rng.integers(0, 20, 1_500)] + spread_out(1_500, rng)
        kept = centres[rng.integers(missing, 20, 750)] + spread_out(750, rng)
        wasted = elsewhere[rng.integers(0, 20, 750)] + spread_out(750, rng)
        found = audit(real, np.concatenate([kept, wasted]), metrics=(), seed=seed)
        assert found.invented_mass.estimate == pytest.approx(0.5, abs=0.05)
        assert found.n_counted == pytest.approx(750, abs=60)
        assert found.dropped_mass.estimate == pytest.approx(missing / 20, abs=0.06)
        assert found.dropped_mass.ci95[0] <= missing / 20
        assert bool(found.dropped) == (missing > 0)
        assert all(region.expected_fake <= 0.9 * region.n_real for region in found.regions)  # 1,000 count
        assert np.mean([example.nearest < 750 for example in found.examples]) > 0.99


def test_same_seed_same_findings() -> None:
    real, fake = digits(200, 0)[0], digits(200, 1)[0]
    assert audit(real, fake, seed=4).document() == audit(real, fake, seed=4).document()


def test_folders_arrays_and_tensors_are_alike(tmp_path: Path) -> None:
    real, fake = digits(60, 0)[0], digits(60, 1)[0]
    for name, images in (("real", real), ("fake", fake)):
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{number:03}.png")
        np.save(tmp_path / f"{name}.npy", images)
    base = allmodes.audit(real, fake)
    for first, second in ((tmp_path / "real", tmp_path / "fake"), (tmp_path / "real.npy", torch.from_numpy(fake))):
        found = audit(first, second)
        assert found.dropped_mass == base.dropped_mass
        assert [example.index for example in found.examples] == [example.index for example in base.examples]
    assert audit(tmp_path / "real", fake).examples[0].file is not None


def test_samples_are_brought_to_the_size_and_colour_of_the_data(tmp_path: Path) -> None:
    for name, size, mode in (("real", 16, "L"), ("fake", 20, "RGB")):
        (tmp_path / name).mkdir()
        for number in range(25):
            Image.new(mode, (size, size), number).save(tmp_path / name / f"{number}.png")
    real = open_examples(tmp_path / "real")
    assert open_examples(tmp_path / "fake", like=real).images.shape == real.images.shape
    audit(tmp_path / "real", tmp_path / "fake")


def test_features_are_used_as_they_are() -> None:
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(300, 4)), rng.normal(size=(300, 4))
    found = audit(real, fake)
    assert found.distance["name"] == "features"
    assert not found.dropped


@pytest.mark.parametrize(
    ("real", "fake", "message"),
    [
        (np.zeros((30, 5)), np.full((30, 5), np.nan), "NaN or infinity, first in row 0"),
        (np.zeros((30, 5)), np.zeros((30, 6)), "5 features and the samples 6"),
        (np.zeros((30, 5)), np.zeros((30, 8, 8), np.uint8), "One side holds images"),
        (Examples.of(torch.zeros(30, 1, 8, 8)), Examples.of(torch.zeros(30, 1, 9, 9)), "bring them to one size"),
        (np.zeros((3, 8, 8), np.uint8), np.zeros((30, 8, 8), np.uint8), r"The data are too few \(3\)"),
        (np.zeros((30, 8, 8)), np.zeros((30, 8, 8), np.uint8), "float64 of shape 30 x 8 x 8"),
        ("nowhere/at/all", np.zeros((30, 5)), "nowhere/at/all does not exist"),
    ],
)
def test_what_cannot_be_audited_is_said(real, fake, message: str) -> None:
    with pytest.raises(UserError, match=message):
        audit(real, fake)


def test_labels_must_fit_and_distances_exist() -> None:
    real = digits(40, 0)[0]
    with pytest.raises(UserError, match="3 labels for 40"):
        audit(real, real, labels=[1, 2, 3])
    with pytest.raises(UserError, match="pixel"):
        audit(real, real, distance="pixel")


@pytest.mark.parametrize(
    ("shape", "name"),
    [((32, 32, 3), "efficientnet-lite0"), ((28, 28, 3), "pixels"), ((32, 40), "pixels")],
)
def test_by_default_an_audit_looks_in_all_views_that_suit_the_images(shape: tuple[int, ...], name: str) -> None:
    rng = np.random.default_rng(0)
    real, fake = (rng.integers(0, 255, (30, *shape), dtype=np.uint8) for _ in range(2))
    found = audit(real, fake)
    trained = ["st-alexnet", "efficientnet-lite0"] if name == "efficientnet-lite0" else []
    assert [view.name for view in found.views] == ["pixels", "random-convolution", *trained]
    assert found.distance["name"] == ", ".join(view.name for view in found.views)
    assert found.certificate["features"] == name  # where others' metrics are taken
    assert not any("not installed" in warning for warning in found.warnings)
    assert audit(real, fake, distance="pixels").distance["name"] == "pixels"


def test_what_is_not_installed_is_no_view_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(side: int) -> None:
        raise UserError("EfficientNet-Lite0 is not installed.")

    trained = [replace(known, open=missing) if known.photographs else known for known in views.VIEWS]
    monkeypatch.setattr(views, "VIEWS", trained)
    images = np.random.default_rng(0).integers(0, 255, (30, 32, 32, 3), dtype=np.uint8)
    found = audit(images, images)
    assert found.distance["name"] == "pixels, random-convolution"
    assert found.certificate["features"] == "pixels"
    assert any("EfficientNet-Lite0 is not installed" in warning for warning in found.warnings)


def test_identical_images_have_an_answer() -> None:
    same = np.full((50, 8, 8), 7, np.uint8)
    assert not audit(same, same).dropped


def test_few_noisy_images_are_not_called_copies() -> None:
    rng = np.random.default_rng(0)
    found = audit(*(rng.integers(0, 255, (40, 16, 16), dtype=np.uint8) for _ in range(2)))
    assert found.copied_mass.ci95[0] == 0
    assert found.crowded_mass.ci95[0] == 0
    assert not found.dropped


def test_identical_images_are_no_loss(tmp_path: Path) -> None:
    same = np.full((40, 12, 12), 9, dtype=np.uint8)
    found = audit(same, same)
    assert not found.dropped
    assert found.dropped_mass.estimate == 0
    found.to_html(tmp_path / "page.html")


def test_costly_features_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    looked = []

    class Slow(PixelDistance):
        costly = True

        def embed(self, images: torch.Tensor) -> torch.Tensor:
            looked.append(len(images))
            return super().embed(images)

    side = open_examples(digits(50, 0)[0])
    first = side.embedded(Slow())
    once = sum(looked)
    torch.testing.assert_close(side.embedded(Slow()), first)
    assert sum(looked) == once >= 50
    side.embedded(Slow(pool=2))  # another distance is another entry
    open_examples(digits(50, 1)[0]).embedded(Slow())  # and so are other images
    assert sum(looked) == 3 * once
    (kept, *_) = sorted((tmp_path / "features").iterdir())
    kept.write_bytes(b"cut off")
    torch.testing.assert_close(side.embedded(Slow()), first)


def test_features_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "memory", lambda: 6_000)
    with pytest.raises(UserError, match="smaller feature space"):
        open_examples(digits(50, 0)[0]).embedded(PixelDistance())


def test_a_view_in_which_all_data_are_alike_does_not_say_that_nothing_is_missing() -> None:
    found = audit(np.ones((400, 8)), np.ones((400, 8)), metrics=())
    assert found.answer().collapse == "cannot be told"
    assert "All data look the same there, so no loss" in found.verdict()
    assert found.answer().seen.share is None
    assert found.answer().sharpened is None
