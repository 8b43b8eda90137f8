"""Facades: photographs and label maps that stand side by side in one JPEG are taken apart."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data import facades
from allmodes.data.collection import Collection, content_hash, data_folder
from allmodes.data.facades import LAYOUT, Facades
from allmodes.data.palettes import FAR

COLOURS = np.array([[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in LAYOUT.values()])


def side_by_side(seed: int) -> bytes:
    """A smooth photograph, and blocks of all labels."""
    rng = np.random.default_rng(seed)
    photograph = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((256, 256))
    labels = rng.integers(0, 12, (16, 16)).repeat(16, 0).repeat(16, 1)
    both = Image.new("RGB", (512, 256))
    both.paste(photograph, (0, 0))
    both.paste(Image.fromarray(COLOURS[labels].astype(np.uint8)), (256, 0))
    stream = io.BytesIO()
    both.save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Four training pairs and two of the test split, published as the whole was."""
    names = [f"train/{number}.jpg" for number in (1, 2, 10, 11)] + ["val/1.jpg", "test/1.jpg", "test/2.jpg"]
    files = {name: side_by_side(number) for number, name in enumerate(names)}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(facades, "FACADES", Collection("facades", facades.FACADES.member, content_hash(files), ()))
    return tmp_path, files


def test_halves_are_those_of_the_picture_and_labels_the_nearest_colours(small):
    folder, files = small
    data = Facades(path=folder, size=256)
    assert (data.shape, data.input_shape, len(data), len(data.palette)) == ((3, 256, 256), (256, 256), 4, 12)
    far = []
    for place, name in enumerate(("train/1.jpg", "train/2.jpg", "train/10.jpg", "train/11.jpg")):
        pixels = np.asarray(Image.open(io.BytesIO(files[name])))
        apart = np.linalg.norm(pixels[:, 256:, None].astype(float) - COLOURS, axis=3)
        assert np.array_equal(data.images[place].permute(1, 2, 0).numpy(), pixels[:, :256])
        assert np.array_equal(data.inputs[place].numpy(), apart.argmin(2))
        far.append((apart.min(2) > FAR).mean())
    assert f"{np.mean(far):.1%} of them are farther" in data.notes[0]
    test, pixels = data.unseen("test"), np.asarray(Image.open(io.BytesIO(files["test/1.jpg"])))
    assert len(test) == 2
    assert np.array_equal(((test.images[0] + 1) * 127.5).round().permute(1, 2, 0).numpy(), pixels[:, :256])


def test_smaller_ones_keep_the_labels_of_single_pixels_and_pairs_are_held_out_whole(small):
    large, data = Facades(path=small[0], size=256), Facades(path=small[0], size=64, heldout=0.25)
    assert data.unseen("heldout").inputs.shape == (1, 64, 64)
    assert (len(data), len(data.batch(0, 3, 0).inputs)) == (3, 3)
    kept = [place for place in range(4) if str(place) not in data.heldout_names]
    assert np.array_equal(data.inputs.numpy(), large.inputs[kept][:, 2::4, 2::4].numpy())


def test_larger_than_the_photographs_are_is_refused(small):
    with pytest.raises(UserError, match=r"'data\.size' is 512, but the photographs of facades have 256"):
        Facades(path=small[0], size=512)


@pytest.mark.skipif(data_folder("facades") is None, reason="needs facades in $ALLMODES_DATA")
def test_the_published_files_are_known():
    data = Facades(size=16)
    assert (len(data), len(data.unseen("test"))) == (400, 106)
    assert sorted(data.inputs.unique().tolist()) == list(range(12))
