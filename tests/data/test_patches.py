"""Squares are parts of the pictures as they are, and those of held-out pictures are held out together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data.patches import Patches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures whose colours tell which one it is, and where in it a pixel lies."""
    for number, (width, height) in enumerate([(40, 30), (24, 24), (33, 60), (50, 24), (30, 30)]):
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 0] = number
        pixels[..., 1] = np.arange(height)[:, None]
        pixels[..., 2] = np.arange(width)[None]
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def bytes_of(images: torch.Tensor) -> torch.Tensor:
    return ((images + 1) * 127.5).round().long()


def test_a_square_is_a_part_of_its_picture_pixel_by_pixel(folder):
    data = Patches(folder, size=24, each=6)
    assert len(data) == 30
    assert data.shape == (3, 24, 24)
    places = set()
    for row, square in enumerate(data.images):
        assert (square[0] == row // 6).all()
        top, left = int(square[1, 0, 0]), int(square[2, 0, 0])
        assert torch.equal(square[1], (top + torch.arange(24, dtype=torch.uint8))[:, None].expand(24, 24))
        assert torch.equal(square[2], (left + torch.arange(24, dtype=torch.uint8))[None].expand(24, 24))
        places.add((row // 6, top, left))
    assert len({place for place in places if place[0] == 0}) > 1


def test_squares_stay_where_they_are(folder):
    assert torch.equal(Patches(folder, size=16, each=3).images, Patches(folder, size=16, each=3).images)


def test_squares_of_a_picture_are_kept_out_together(folder):
    data = Patches(folder, size=24, each=4, heldout=0.4)
    kept = {int(square[0, 0, 0]) for square in data.images}
    out = {int(square[0, 0, 0]) for square in bytes_of(data.heldout_images)}
    assert len(data) == 12
    assert len(data.heldout_images) == 8
    assert kept | out == {0, 1, 2, 3, 4}
    assert not kept & out
    assert data.heldout_names == tuple(f"{number}.png" for number in sorted(out))
    assert data.fingerprint != Patches(folder, size=24, each=4).fingerprint


def test_pictures_smaller_than_a_square_are_named(folder):
    with pytest.raises(UserError, match=r"1\.png.*3\.png are smaller than 25 x 25"):
        Patches(folder, size=25)


@pytest.mark.parametrize("options", [{"each": 0}, {"channels": 2}, {"heldout": 1.0}, {"size": 1}])
def test_options_that_make_no_sense(folder, options):
    with pytest.raises(UserError, match=r"data\."):
        Patches(folder, **options)
