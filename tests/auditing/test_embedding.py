"""Features are the same however they come about: in one go, after a stop, by a user's function, or handed in."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from allmodes.auditing import Examples, audit, embedding, examples, open_examples, views
from allmodes.auditing import features as reduced
from allmodes.auditing.space import Sides
from allmodes.core.errors import UserError
from allmodes.distances.pixels import Pixels
from allmodes.distances.vision_transformers import Dinov2Small

RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.integers(0, 256, (count, 3, 8, 8), dtype=np.uint8) for count in (90, 70))
FAKE[:, 0] = FAKE[:, 0] // 2 + 128  # light


def side(pixels: np.ndarray) -> Examples:
    return Examples.of(torch.from_numpy(pixels).float() / 127.5 - 1)


def means(images: torch.Tensor) -> torch.Tensor:
    """Of each channel, and of the upper half."""
    return torch.cat([images.mean((2, 3)), images[:, :, :4].mean((2, 3))], dim=1)


def means_by_numpy(pixels: np.ndarray) -> np.ndarray:
    shown = pixels.astype(np.float32) / np.float32(127.5) - 1
    return np.concatenate([shown.mean((2, 3)), shown[:, :, :4].mean((2, 3))], axis=1)


@pytest.mark.parametrize("function", [means, lambda images: means(images).numpy()])
def test_a_function_of_ones_own_sees_what_the_same_features_show(function: embedding.Function) -> None:
    ours = audit(side(REAL), side(FAKE), distance=function, metrics=("frechet_distance",))
    theirs = audit(means_by_numpy(REAL), means_by_numpy(FAKE), metrics=("frechet_distance",))
    assert theirs.dropped_mass.ci95[0] > 0
    assert ours.dropped_mass.estimate == pytest.approx(theirs.dropped_mass.estimate, abs=1e-6)
    assert ours.summary["frechet_distance"].value == pytest.approx(theirs.summary["frechet_distance"].value, rel=1e-3)
    assert [region.n_fake for region in ours.regions] == [region.n_fake for region in theirs.regions]


def test_it_is_one_view_beside_others() -> None:
    found = audit(side(REAL), side(FAKE), distance=["pixels", means], metrics=())
    assert [view.name for view in found.views] == ["pixels", "means"]


class Net(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return means(images)


def test_its_name_is_one_that_a_reader_knows() -> None:
    """Or, of one without a name, what it is: no '<lambda>' and no 'partial'."""
    functions = [means, lambda images: images.mean((2, 3)), partial(partial(torch.flatten, start_dim=1)), Net()]
    names = [embedding.Own(function).name for function in functions]
    assert names == ["means", "own function", "flatten", "Net"]
    unlike = Net()
    unlike.__name__ = "other net"
    assert [each.name for each in views.choose([functions[-1], unlike], side(REAL)).distances] == ["Net", "other net"]
    for two in ([Net(), Net()], [functions[1], lambda images: means(images)]):
        with pytest.raises(UserError, match="Two feature spaces are called .* the name that def gives it"):
            views.choose(two, side(REAL))
    with pytest.raises(UserError, match="'pixels': name each view once.$"):
        views.choose(["pixels", "pixels"], side(REAL))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda images: images, "gives 90 x 3 x 8 x 8 for 90 images, but must give one row for each"),
        (lambda images: means(images)[:-1], "gives 89 x 6 for 90 images"),
        (lambda images: means(images) / 0, "gives NaN or infinity"),
        (lambda images: means(images).mean(), "gives a Tensor without rows for 90 images"),
        (lambda images: None, "'own function' gives a NoneType without rows for 90 images"),
        (lambda images: ["a", "b"], "gives a list without rows for 90 images"),
        (7, "7 is no feature space"),
    ],
)
def test_a_function_that_gives_no_features_is_refused(function: embedding.Function, said: str) -> None:
    with pytest.raises(UserError, match=said):
        audit(side(REAL), side(FAKE), distance=function)


class Costly(Pixels):
    costly = True
    looked = 0
    most = 1_000

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        if self.looked + len(images) > self.most:
            raise KeyboardInterrupt
        self.looked += len(images)
        return super().embed(images)


def test_a_stop_loses_one_shard_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    monkeypatch.setattr(embedding, "SHARD", 32)
    stopped, again, third = Costly(), Costly(), Costly()
    stopped.most = 64 + 20
    with pytest.raises(KeyboardInterrupt):
        side(REAL).embedded(stopped)
    flat = torch.from_numpy(REAL).flatten(1).float() / 127.5 - 1  # root mean squares, as they were before
    torch.testing.assert_close(side(REAL).embedded(again), flat)
    assert again.looked == len(REAL) - 64
    files = sorted((tmp_path / "features").iterdir())
    assert len(files) == 3
    files[1].write_bytes(files[1].read_bytes()[:-1])
    torch.testing.assert_close(side(REAL).embedded(third), flat)
    assert third.looked in {32, len(REAL) - 64}
    assert side(FAKE).embedded(Costly()).shape == (len(FAKE), 192)  # other images are not taken for these
    assert len(list((tmp_path / "features").iterdir())) == 6


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert embedding._device(Costly()) == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert embedding._device(Costly()) == torch.device("cuda", 1)
    assert embedding._device(Pixels()) == torch.device("cpu")


def test_progress_is_told_within_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(embedding, "working", lambda title, total: nullcontext(told.append))
    side(REAL).embedded(Pixels())
    assert told == [16] * 5 + [10]


def test_dinov2_is_a_view_by_itself_where_it_takes_no_download_and_no_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept(Pixels):
        name = "dinov2-small"

    photographs = side(np.zeros((20, 3, 32, 32), dtype=np.uint8))
    for graphics, kept in ((True, True), (True, False), (False, True)):
        monkeypatch.setattr(views, "Dinov2Small", type("Found", (Kept,), {"published": Dinov2Small.published}))
        monkeypatch.setattr(torch.cuda, "is_available", lambda graphics=graphics: graphics)
        monkeypatch.setattr(views, "is_at_hand", lambda network, kept=kept: kept)
        named = [distance.name for distance in views.suited(photographs).distances]
        assert ("dinov2-small" in named) == (graphics and kept)
        assert views.suited(photographs).main == "efficientnet-lite0"
    grey = side(np.zeros((20, 1, 32, 32), dtype=np.uint8))
    assert len(views.suited(grey).distances) == 2


def test_large_sides_are_turned_by_a_basis_that_some_of_both_are_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    low = [rng.normal(size=(count, 40)) + shift for count, shift in ((500, 0), (400, 1))]  # of few dimensions
    mix = rng.normal(size=(40, 90))
    real, fake = (torch.from_numpy(each @ mix).float() for each in low)
    monkeypatch.setattr(reduced, "FITTED", 200)
    monkeypatch.setattr(reduced, "BLOCK", 128)
    found = reduced.Features.of(Sides(real, fake), torch.arange(160))
    for sides in (found.drawn, found.pooled):
        assert sides.real.shape == (500, 64)
        torch.testing.assert_close(torch.cdist(sides.real, sides.fake), torch.cdist(real, fake), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_features_are_read_block_by_block(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(3, 1, (50, 7)).astype(kind)
    np.save(tmp_path / "f.npy", whole)
    before = open_examples(tmp_path / "f.npy")
    monkeypatch.setattr(examples, "ROWS", 8)
    monkeypatch.setattr("allmodes.data.arrays.HELD", 10)
    after = open_examples(tmp_path / "f.npy")
    np.testing.assert_array_equal(after.features.numpy(), whole.astype(np.float32))
    assert after.fingerprint == before.fingerprint
    whole[29, 2] = np.nan
    with pytest.raises(UserError, match="first in row 29"):
        open_examples(whole)
    far = np.random.default_rng(0).normal(size=(50, 7)) + 1e6
    with pytest.raises(UserError, match=r"differ by 2\.\d* and lie so far from 0 that single precision loses \d"):
        open_examples(far)
