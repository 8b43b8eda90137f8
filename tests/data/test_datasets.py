"""Orders, laws and pictures of the datasets."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import chisquare

from allmodes.core.errors import UserError
from allmodes.data import pictures
from allmodes.data.digits import SmallDigits
from allmodes.data.fixed import endless_order
from allmodes.data.images import Images
from allmodes.data.pixels import to_float, to_uint8
from allmodes.data.planar import Grid, Ring, Spiral
from allmodes.data.resolve import dataset_config
from allmodes.data.stacked import Stacked


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 40), size=st.integers(1, 60), seed=st.integers(0, 5))
def test_the_endless_order_runs_through_every_epoch_whatever_the_batch(count, size, seed):
    whole = endless_order(count, 0, 3 * count, seed)
    for epoch in whole.split(count):
        assert sorted(epoch.tolist()) == list(range(count))
    pieces = [endless_order(count, start, size, seed) for start in range(0, 3 * count, size)]
    assert torch.equal(torch.cat(pieces)[: 3 * count], whole)


def test_pixels_survive_the_border():
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(every)), every)
    assert to_float(every).min() == -1
    assert to_float(every).max() == 1


def test_stacks_follow_their_law():
    stacked = Stacked("digits")
    law = np.array(stacked.law())
    assert law.sum() == pytest.approx(1)
    labels = torch.cat([stacked.batch(k, 5_000, 0).labels for k in range(10)])
    counts = torch.bincount(labels, minlength=1000).numpy()
    assert chisquare(counts, law * counts.sum()).pvalue > 1e-4


def test_a_stack_holds_the_digits_of_its_label():
    stacked = Stacked("digits")
    batch = stacked.batch(3, 20, 1)
    assert torch.equal(batch.images, stacked.batch(3, 20, 1).images)
    data = stacked.labelled()
    pairs = zip(data.train_images, data.train_labels, strict=True)
    known = {tuple(image.flatten().tolist()): label for image, label in pairs}
    for image, label in zip(batch.images, batch.labels, strict=True):
        digits = [int(known[tuple(channel.flatten().tolist())]) for channel in image]
        assert digits[0] * 100 + digits[1] * 10 + digits[2] == int(label)


def test_a_rare_digit_is_rare():
    stacked = Stacked("digits", rare_class=3, rare_share=0.1)
    labels = torch.cat([stacked.batch(k, 4_000, 0).labels for k in range(5)])
    share = float(((labels % 10) == 3).double().mean())
    assert share == pytest.approx(float(stacked.class_law[3]), abs=0.003)
    assert 0.008 < share < 0.015


def test_fixed_stacks_are_always_the_same():
    stacked = Stacked("digits", fixed=50)
    first, second = stacked.batch(0, 50, 0), stacked.batch(0, 50, 9)
    assert len(stacked) == 50
    by_index = dict(zip(first.index.tolist(), first.labels.tolist(), strict=True))
    assert by_index == dict(zip(second.index.tolist(), second.labels.tolist(), strict=True))


def test_a_picture_of_a_stack_shows_its_digits():
    stacked = Stacked("digits")
    images = stacked.batch(0, 2, 0).images
    shown = stacked.picture(images)
    assert shown.shape == (2, 3, 8, 32)
    assert torch.equal(shown[:, :, :, :8], images)
    assert torch.equal(shown[:, 0, :, 16:24], images[:, 1])


@pytest.mark.parametrize(("cls", "modes"), [(Ring, 8), (Grid, 25), (Spiral, 40)])
def test_planar_points_lie_around_their_modes(cls, modes):
    data = cls()
    batch = data.batch(0, 2_000, 0)
    gap = batch.images - data.modes[batch.labels]
    assert len(data) == modes == len(data.law())
    assert float(gap.std()) == pytest.approx(data.sigma, rel=0.1)
    nearest = torch.cdist(data.modes, data.modes).fill_diagonal_(9).min()
    assert nearest > 4 * data.sigma


def test_small_digits_are_split_alike_every_time():
    data = SmallDigits()
    assert len(data) == 1437
    assert len(data.labelled().test_labels) == 360
    assert data.fingerprint == SmallDigits().fingerprint


class TestImages:
    def save(self, folder, name, pixels):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)

    def test_mixed_sizes_and_depths(self, tmp_path):
        self.save(tmp_path, "b/deep.png", np.full((20, 10, 3), 200, np.uint8))
        self.save(tmp_path, "a.JPEG", np.full((9, 30), 10, np.uint8))
        (tmp_path / "notes.txt").write_text("not an image")
        data = Images(tmp_path, size=8)
        assert data.shape == (3, 8, 8)
        assert len(data) == 2
        assert data.images[1].unique().tolist() == [200]

    def test_equal_squares_keep_their_size_and_grey_stays_grey(self, tmp_path):
        pages = np.random.default_rng(0).integers(0, 256, (3, 12, 12), dtype=np.uint8)
        for i, page in enumerate(pages):
            self.save(tmp_path / "pages", f"{i}.png", page)
        np.save(tmp_path / "pages.npy", pages)
        np.savez(tmp_path / "pages.npz", pages[..., None])
        with zipfile.ZipFile(tmp_path / "pages.zip", "w") as archive:
            for i in range(3):
                archive.write(tmp_path / "pages" / f"{i}.png", f"in/{i}.png")
        found = [Images(tmp_path / name) for name in ("pages", "pages.npy", "pages.npz", "pages.zip")]
        for data in found:
            assert torch.equal(data.images, torch.from_numpy(pages)[:, None])
            assert data.fingerprint == found[0].fingerprint
        assert Images(tmp_path / "pages", channels=3).shape == (3, 12, 12)

    def test_photographs_are_the_same_data_to_another_version_of_the_decoder(self, tmp_path, monkeypatch):
        for name in ("a.jpg", "b.jpg"):
            self.save(tmp_path / name[0], name, np.random.default_rng(ord(name[0])).integers(0, 256, (8, 8), np.uint8))
        here, other = Images(tmp_path / "a"), Images(tmp_path / "b")
        read = pictures.flattened
        monkeypatch.setattr(pictures, "flattened", lambda image: read(image).point(lambda level: level ^ 1))
        there = Images(tmp_path / "a")
        assert not torch.equal(there.images, here.images)
        assert there.fingerprint == here.fingerprint != other.fingerprint

    def test_an_archive_is_opened_once_however_many_it_holds(self, tmp_path, monkeypatch):
        Image.new("L", (8, 8), 1).save(tmp_path / "a.png")
        with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
            for number in range(30):
                archive.write(tmp_path / "a.png", f"in/{number:02}.png")
        opened, whole = [], zipfile.ZipFile
        monkeypatch.setattr(zipfile, "ZipFile", lambda path: opened.append(path) or whole(path))
        found = Images(tmp_path / "many.zip")
        assert found.files == tuple(f"in/{number:02}.png" for number in range(30))
        assert opened == [tmp_path / "many.zip"]

    def test_it_says_how_images_were_brought_to_their_size(self, tmp_path):
        for number, side in enumerate((8, 8, 12)):
            Image.new("L", (side, side), number).save(tmp_path / f"{number}.png")
        assert Images(tmp_path, size=8).resize == "central square, Lanczos to 8 x 8"
        (tmp_path / "2.png").unlink()
        assert Images(tmp_path).resize == "none"

    def test_sixteen_bits_keep_their_range(self, tmp_path):
        values = np.linspace(0, 65_535, 64).reshape(8, 8).astype(np.uint16)
        Image.fromarray(values).save(tmp_path / "a.png")
        seen = Images(tmp_path).images[0, 0].numpy()
        assert np.abs(seen - values / 257.0).max() < 1

    def test_transparency_becomes_white(self, tmp_path):
        self.save(tmp_path, "a.png", np.zeros((8, 8, 4), np.uint8))
        assert Images(tmp_path).images.unique().tolist() == [255]

    def test_a_photograph_is_upright_as_its_camera_says(self, tmp_path):
        pixels = np.zeros((8, 16, 3), np.uint8)
        pixels[0] = 255  # the top of the sensor, which was the right of the scene
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
        Image.fromarray(np.rot90(pixels, -1).copy()).save(tmp_path / "b.png")
        turned, upright = Images(tmp_path, size=8).images
        assert torch.equal(turned, upright)
        Image.fromarray(pixels[:, :8]).save(tmp_path / "a.png", exif=exif)
        (tmp_path / "b.png").unlink()
        assert Images(tmp_path).images[0, 0, :, -1].unique().tolist() == [255]

    def test_what_macos_notes_beside_images_is_none(self, tmp_path):
        self.save(tmp_path / "photos", "a.png", np.zeros((8, 8), np.uint8))
        (tmp_path / "photos" / "._a.png").write_bytes(b"\0\5\x16\7")
        with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
            archive.write(tmp_path / "photos" / "a.png", "photos/a.png")
            archive.writestr("__MACOSX/photos/._a.png", b"\0\5\x16\7")
        for name in ("photos", "mac.zip"):
            assert len(Images(tmp_path / name)) == 1

    def test_images_of_a_single_pixel_are_refused(self, tmp_path):
        np.save(tmp_path / "dots.npy", np.zeros((5, 1, 1), np.uint8))
        with pytest.raises(UserError, match=r"dots.npy holds uint8 of shape 5 x 1 x 1: .* sides of at least 4 pixels"):
            Images(tmp_path / "dots.npy")

    def test_of_several_arrays_the_images_are_taken(self, tmp_path):
        pages = np.zeros((3, 8, 8), np.uint8)
        np.savez(tmp_path / "named.npz", labels=np.zeros(3), images=pages)
        assert len(Images(tmp_path / "named.npz")) == 3
        np.savez(tmp_path / "parts.npz", test=pages[:1], train=pages)
        with pytest.raises(UserError, match=r"holds several arrays \(test, train\)"):
            Images(tmp_path / "parts.npz")

    def test_bad_sources_are_named(self, tmp_path):
        with pytest.raises(UserError, match="There are no images in"):
            Images(tmp_path)
        self.save(tmp_path, "fine.png", np.zeros((8, 8), np.uint8))
        with pytest.raises(UserError, match=r"fine.png is a single picture"):
            Images(tmp_path / "fine.png")
        whole = (tmp_path / "fine.png").read_bytes()
        (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(
            UserError, match=r"torn.png \(.*\) is damaged or no image: replace it, or leave it out with --skip-damaged"
        ):
            Images(tmp_path)
        np.save(tmp_path / "real.npy", np.full((2, 8, 8), 1e6))
        with pytest.raises(UserError, match=r"real.npy holds float64 of shape 2 x 8 x 8"):
            Images(tmp_path / "real.npy")
        (tmp_path / "x.zip").write_bytes(b"PK no")
        with pytest.raises(UserError, match=r"x.zip is neither"):
            Images(tmp_path / "x.zip")
        with pytest.raises(UserError, match=r"need [\d,]+ GiB"):
            Images(self.one(tmp_path), size=10**6)

    def one(self, folder):
        self.save(folder / "one", "a.png", np.zeros((8, 8), np.uint8))
        return folder / "one"


def test_what_data_text_means(tmp_path):
    assert dataset_config("mnist") == {"name": "mnist"}
    assert dataset_config(str(tmp_path)) == {"name": "images", "path": str(tmp_path)}
    with pytest.raises(UserError, match="Did you mean 'mnist'"):
        dataset_config("mnits")
    for path in ("nowhere/", "./mnist", "~/pictures", str(tmp_path / "mnist")):
        with pytest.raises(UserError, match=f"there is no file or folder '{path}'"):
            dataset_config(path)
