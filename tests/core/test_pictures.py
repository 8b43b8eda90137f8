"""Pictures: the pixels that were put in are the pixels that come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.core.pictures import (
    GUTTER,
    image_grid,
    image_pairs,
    image_rows,
    save_animation,
    side_by_side,
    to_rgb,
    toy_frame,
)


def test_float_and_uint8_agree() -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    floats = torch.from_numpy(values).float() / 127.5 - 1
    assert np.array_equal(to_rgb(floats), to_rgb(values))
    assert np.array_equal(to_rgb(values), values.transpose(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [([200], [200, 200, 200]), ([10, 20], [10, 20, 0]), ([1, 2, 3], [1, 2, 3]), ([10, 20, 30, 250], [255, 255, 255])],
)
def test_channels(pixel: list[int], expected: list[int]) -> None:
    image = np.array(pixel, dtype=np.uint8).reshape(1, -1, 1, 1)
    assert to_rgb(image)[0, 0, 0].tolist() == expected


def test_nan_is_drawn_as_black_and_overflow_is_clipped() -> None:
    image = torch.tensor([float("nan"), -3.0, 3.0]).reshape(1, 1, 1, 3)
    assert to_rgb(image)[0, 0, :, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(("side", "scale"), [(8, 8), (28, 2), (32, 2), (128, 1)])
def test_grid_places_every_image(side: int, scale: int) -> None:
    values = np.random.default_rng(1).integers(0, 256, (7, 1, side, side), dtype=np.uint8)
    grid = np.asarray(image_grid(values, columns=3))
    step = side * scale + GUTTER
    assert grid.shape == (3 * step + GUTTER, 3 * step + GUTTER, 3)
    for number in range(7):
        top, left = number // 3 * step + GUTTER, number % 3 * step + GUTTER
        tile = grid[top : top + side * scale : scale, left : left + side * scale : scale, 0]
        assert np.array_equal(tile, values[number, 0])


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_pairs_are_close_below_each_other(count: int) -> None:
    above, below = np.random.default_rng(2).integers(0, 256, (2, count, 1, 64, 64), dtype=np.uint8)
    grid = np.asarray(image_pairs(above, below, columns=3))
    step = 64 + GUTTER
    pair = 2 * step + GUTTER + 3 * GUTTER
    assert grid.shape == (-(-count // 3) * pair - 3 * GUTTER, min(count, 3) * step + GUTTER, 3)
    for number in range(count):
        top, left = number // 3 * pair + GUTTER, number % 3 * step + GUTTER
        assert np.array_equal(grid[top : top + 64, left : left + 64, 0], above[number, 0])
        assert np.array_equal(grid[top + step : top + step + 64, left : left + 64, 0], below[number, 0])


def test_grid_is_square_by_default() -> None:
    assert len(set(image_grid(torch.zeros(64, 3, 28, 28)).size)) == 1


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 5, 8, 8), (0, 3, 8, 8)])
def test_grid_says_what_it_cannot_draw(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="Cannot draw"):
        image_grid(torch.zeros(shape))


def test_toy_frame_axes_do_not_depend_on_the_samples() -> None:
    data = np.random.default_rng(0).standard_normal((100, 2))
    near = np.asarray(toy_frame(np.zeros((1, 2)), data))
    far = np.asarray(toy_frame(np.full((1, 2), 1e9), data))
    assert near.shape == far.shape
    cloud = (np.abs(near.astype(int) - far).sum(axis=2) > 0)[60:-60]
    assert 0 < cloud.sum() < 200  # apart from the legend only one dot differs


def test_toy_frame_colours_and_broken_points() -> None:
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    points = torch.tensor([[0.0, 0.0], [float("nan"), 0.0]])
    frame = np.asarray(toy_frame(points, corners, modes=corners, title="step 3"))
    centre = frame[frame.shape[0] // 2, frame.shape[1] // 2].astype(int)
    assert centre[2] - centre[0] > 60  # blue, where no grey dot is


@pytest.mark.parametrize("kind", [np.int64, np.uint16, np.bool_])
def test_numbers_of_no_known_range_are_not_drawn(kind: type) -> None:
    with pytest.raises(UserError, match=r"Cannot draw images of \w+: give uint8 from 0 to 255, or floats from -1 to 1"):
        to_rgb(np.zeros((1, 3, 8, 8), kind))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation(tmp_path: Path, suffix: str) -> None:
    frames: list[Image.Image | Path] = [Image.new("RGB", (20, 10), (60 * n, 0, 0)) for n in range(4)]
    file = tmp_path / "frame.png"
    Image.new("RGB", (20, 10), (0, 200, 0)).save(file)
    save_animation([*frames, file], tmp_path / f"out{suffix}")
    with Image.open(tmp_path / f"out{suffix}") as made:
        assert (made.n_frames, made.size) == (5, (20, 10))  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frame.png", f"out{suffix}"]


def test_animation_says_what_is_wrong(tmp_path: Path) -> None:
    frame = Image.new("RGB", (4, 4))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    wrong = [
        ([], "out.gif", "no frames"),
        ([frame], "out.mp4", "gif or a .webp"),
        ([frame, Image.new("RGB", (5, 4))], "out.gif", "differ in size"),
        ([broken], "out.gif", "broken.png"),
    ]
    for frames, name, words in wrong:
        with pytest.raises(UserError, match=words):
            save_animation(frames, tmp_path / name)


def test_rows_of_images_have_their_names_before_them() -> None:
    white = np.full((4, 1, 64, 64), 255, dtype=np.uint8)
    picture = np.asarray(image_rows(255 - white, ["first", "second"]).convert("L")).astype(int)
    grid = np.asarray(image_grid(255 - white, columns=2).convert("L"))
    assert (picture[:, -grid.shape[1] :] == grid).all()
    names = picture[:, : -grid.shape[1]]
    ink = [int((255 - names[start : start + 67]).sum()) for start in (0, 67)]
    assert min(ink) > 0
    assert ink[1] > ink[0]  # of the longer name
    assert (names[60:70] == 255).all()  # between the rows there is none


def test_pictures_stand_side_by_side_from_the_top() -> None:
    first, second = Image.new("RGB", (4, 6), (255, 0, 0)), Image.new("RGB", (3, 2), (0, 0, 255))
    pixels = np.asarray(side_by_side([first, second]))
    assert pixels.shape == (6, 7, 3)
    assert (pixels[:, :4] == (255, 0, 0)).all()
    assert (pixels[:2, 4:] == (0, 0, 255)).all()
    assert (pixels[2:, 4:] == 255).all()
