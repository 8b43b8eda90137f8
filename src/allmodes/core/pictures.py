"""Pictures of samples: grids of images, points in the plane, and animations of either.

Pixels are shown as they are: images smaller than about 64 pixels are enlarged by whole factors without
smoothing. Only Pillow and numpy, since trainings draw these too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .errors import UserError
from .files import atomic

if TYPE_CHECKING:
    from torch import Tensor

    Array = NDArray[np.generic] | Tensor

PAPER = (255, 255, 255)
INK = (60, 64, 72)
GREY = (150, 154, 162)
BLUE = (0, 114, 178)  # of the Okabe-Ito palette, safe for colour-blind readers
VERMILION = (213, 94, 0)

TILE = 64
GUTTER = 3
FRAME = 480
MARGIN = 34
SMOOTH = 2  # toy frames are drawn this much larger and reduced, which smooths their edges


def _numpy(values: Array) -> NDArray[np.generic]:
    return values if isinstance(values, np.ndarray) else values.detach().float().cpu().numpy()


def to_rgb(images: Array) -> NDArray[np.uint8]:
    """Images as 8-bit colour.

    One channel becomes grey, two become red and green; a fourth channel is added to the others as white.

    Args:
        images: uint8 in [0, 255] or float in [-1, 1], ``(n, C, H, W)`` with C from 1 to 4.

    Returns:
        uint8 ``(n, H, W, 3)``.

    Raises:
        UserError: the type or the shape is none of these.
    """
    is_bytes = str(images.dtype).endswith("uint8")
    if not is_bytes and "float" not in str(images.dtype):
        raise UserError(f"Cannot draw images of {images.dtype}: give uint8 from 0 to 255, or floats from -1 to 1.")
    pixels = _numpy(images).astype(np.float32)
    if pixels.ndim != 4 or not 1 <= pixels.shape[1] <= 4:
        raise UserError(f"Cannot draw images of shape {tuple(pixels.shape)}: give (n, channels 1 to 4, height, width).")
    pixels = np.nan_to_num(pixels if is_bytes else (pixels + 1) * 127.5)
    channels = pixels.shape[1]
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=1)
    elif channels == 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:, :1])], axis=1)
    elif channels == 4:
        pixels = pixels[:, :3] + pixels[:, 3:]
    rounded: NDArray[np.uint8] = np.rint(pixels.clip(0, 255)).astype(np.uint8)
    return rounded.transpose(0, 2, 3, 1)


def image_grid(images: Array, *, columns: int | None = None) -> Image.Image:
    """Lay images out in rows, left to right and top to bottom.

    Args:
        images: uint8 in [0, 255] or float in [-1, 1], ``(n, C, H, W)`` with C from 1 to 4.
        columns: images in a row; as square as can be by default.

    Raises:
        UserError: there is no image, or the shape is none of these.
    """
    tiles = to_rgb(images)
    n, height, width, _ = tiles.shape
    if n == 0:
        raise UserError("Cannot draw a grid of no images: give at least one.")
    columns = min(n, columns or math.ceil(math.sqrt(n * height / width)))
    rows = math.ceil(n / columns)
    scale = max(1, round(TILE / min(height, width)))
    tiles = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    down, across = height * scale + GUTTER, width * scale + GUTTER
    canvas = np.full((rows * down + GUTTER, columns * across + GUTTER, 3), PAPER, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * down + GUTTER, number % columns * across + GUTTER
        canvas[top : top + height * scale, left : left + width * scale] = tile
    return Image.fromarray(canvas)


def image_pairs(above: Array, below: Array, *, columns: int = 12) -> Image.Image:
    """Lay images out in rows, and close below each row those that belong to them.

    Args:
        above: as for :func:`image_grid`.
        below: as many of the same size.
        columns: images in a row.

    Raises:
        UserError: there is no image, or the shape cannot be drawn.
    """
    sides = [to_rgb(images).transpose(0, 3, 1, 2) for images in (above, below)]
    rows = []
    for start in range(0, max(1, len(sides[0])), columns):
        pair = [side[start : start + columns] for side in sides]
        rows.append(image_grid(np.concatenate(pair), columns=len(pair[0])))
    gap = 3 * GUTTER
    canvas = Image.new("RGB", (rows[0].width, sum(row.height + gap for row in rows) - gap), PAPER)
    for number, row in enumerate(rows):
        canvas.paste(row, (0, number * (rows[0].height + gap)))
    return canvas


def image_rows(images: Array, names: Sequence[str]) -> Image.Image:
    """Lay images out in rows, each with its name before it.

    Args:
        images: as for :func:`image_grid`, as many for each row.
        names: of the rows, from the top.

    Raises:
        UserError: there is no image, or the shape cannot be drawn.
    """
    grid = image_grid(images, columns=max(1, len(images) // len(names)))
    font = ImageFont.load_default(size=14)
    width = max(math.ceil(font.getlength(name)) for name in names) + 4 * GUTTER
    canvas = Image.new("RGB", (grid.width + width, grid.height), PAPER)
    canvas.paste(grid, (width, 0))
    draw, height = ImageDraw.Draw(canvas), (grid.height - GUTTER) / len(names)
    for number, name in enumerate(names):
        place = (width - 2 * GUTTER, GUTTER + (number + 0.5) * height)
        draw.text(place, name, fill=INK, font=font, anchor="rm")
    return canvas


def image_columns(images: Array, names: Sequence[str]) -> Image.Image:
    """Lay images out in rows, with the name of each column above it.

    Args:
        images: as for :func:`image_grid`, an image of each row for every column, row after row.
        names: of the columns, from the left.

    Raises:
        UserError: there is no image, or the shape cannot be drawn.
    """
    grid = image_grid(images, columns=len(names))
    font = ImageFont.load_default(size=12)
    canvas = Image.new("RGB", (grid.width, grid.height + 18), PAPER)
    canvas.paste(grid, (0, 18))
    draw, width = ImageDraw.Draw(canvas), (grid.width - GUTTER) / len(names)
    for number, name in enumerate(names):
        draw.text((GUTTER + (number + 0.5) * width, 15), name, fill=INK, font=font, anchor="ms")
    return canvas


def stacked_rows(rows: Sequence[Sequence[Array]]) -> Image.Image:
    """Lay out rows of images, those of a row of one size.

    Args:
        rows: from the top, each of images ``(C, H, W)`` as for :func:`image_grid`; channels may differ.

    Raises:
        UserError: there is no image, or a shape cannot be drawn.
    """
    drawn = []
    for row in rows:
        tiles = np.concatenate([to_rgb(image[None]) for image in row]).transpose(0, 3, 1, 2)
        drawn.append(image_grid(tiles, columns=len(row)))
    canvas = Image.new("RGB", (max(row.width for row in drawn), sum(row.height for row in drawn)), PAPER)
    top = 0
    for one in drawn:
        canvas.paste(one, (0, top))
        top += one.height
    return canvas


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures in a row, from the top of each."""
    canvas = Image.new("RGB", (sum(one.width for one in pictures), max(one.height for one in pictures)), PAPER)
    left = 0
    for one in pictures:
        canvas.paste(one, (left, 0))
        left += one.width
    return canvas


def toy_frame(points: Array, data: Array, *, modes: Array | None = None, title: str = "") -> Image.Image:
    """Samples in the plane over real data. The axes depend on the data alone, so frames can be animated.

    Args:
        points: samples, ``(n, 2)``; drawn in blue.
        data: real points, ``(m, 2)``, or none, ``(0, 2)``; drawn in grey.
        modes: centres of the modes, ``(K, 2)``; drawn as rings.
        title: a line above the frame.
    """
    real, fake = _numpy(data).astype(np.float64), _numpy(points).astype(np.float64)
    rings = np.zeros((0, 2)) if modes is None else _numpy(modes).astype(np.float64)
    everything = np.concatenate([real, rings]) if len(real) + len(rings) else np.zeros((1, 2))
    low, high = everything.min(axis=0), everything.max(axis=0)
    half = max(0.65 * float((high - low).max()), 1e-6)
    corner = (low + high) / 2 - half

    def place(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        unit = (xy - corner) / (2 * half)
        return np.stack([MARGIN + unit[:, 0] * FRAME, MARGIN + (1 - unit[:, 1]) * FRAME], axis=1) * SMOOTH

    inside = np.isfinite(fake).all(axis=1) & (np.abs(fake - corner - half) <= half).all(axis=1)
    image = Image.new("RGB", ((FRAME + 2 * MARGIN) * SMOOTH,) * 2, PAPER)
    draw = ImageDraw.Draw(image, "RGBA")
    _dots(draw, place(real), 2.0, (*GREY, 110))
    _dots(draw, place(fake[inside]), 2.4, (*BLUE, 150))
    for x, y in place(rings):
        radius = 13 * SMOOTH
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=VERMILION, width=2 * SMOOTH)
    words = [("data", GREY)] * (len(real) > 0) + [("samples", BLUE)] + [("modes", VERMILION)] * (len(rings) > 0)
    _letter(draw, title, words, int((~inside).sum()))
    return image.reduce(SMOOTH)


def _dots(draw: ImageDraw.ImageDraw, centres: NDArray[np.float64], radius: float, colour: tuple[int, ...]) -> None:
    radius *= SMOOTH
    for x, y in centres:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _letter(draw: ImageDraw.ImageDraw, title: str, words: Sequence[tuple[str, tuple[int, ...]]], outside: int) -> None:
    """The frame, the title above it and the legend below it."""
    edge = (MARGIN + FRAME) * SMOOTH
    start = MARGIN * SMOOTH
    draw.rectangle((start, start, edge, edge), outline=(*GREY, 255), width=SMOOTH)
    font = ImageFont.load_default(size=14 * SMOOTH)
    draw.text((start, start - 8 * SMOOTH), title, fill=INK, font=font, anchor="ls")
    left: float = start
    base = edge + 20 * SMOOTH
    for word, colour in words:
        _dots(draw, np.array([[left + 4 * SMOOTH, base - 5 * SMOOTH]]), 4, (*colour, 255))
        draw.text((left + 13 * SMOOTH, base), word, fill=INK, font=font, anchor="ls")
        left += 30 * SMOOTH + draw.textlength(word, font=font)
    if outside:
        draw.text((edge, base), f"{outside} samples outside", fill=INK, font=font, anchor="rs")


def save_picture(picture: Image.Image, path: Path) -> None:
    """Write a picture, whole or not at all, in the format of its suffix.

    Raises:
        UserError: it cannot be written.
    """
    with atomic(Path(path)) as temporary:
        picture.save(temporary)


def save_animation(frames: Sequence[Image.Image | Path], path: Path, *, milliseconds: int = 150) -> None:
    """Write frames as an endless animation that rests on its last frame.

    Args:
        frames: pictures of one size, or their files, in order.
        path: a ``.gif`` or ``.webp`` file.
        milliseconds: how long each frame is shown; the last is shown for ten times as long.

    Raises:
        UserError: no frames, sizes that differ, a frame that cannot be read, or another kind of file.
    """
    path = Path(path)
    if path.suffix.lower() not in {".gif", ".webp"}:
        raise UserError(f"Cannot animate into {path}: name a .gif or a .webp file.")
    pictures = [_open(frame) if isinstance(frame, Path) else frame.convert("RGB") for frame in frames]
    if not pictures:
        raise UserError(f"Cannot write {path}: there are no frames to animate.")
    if len({picture.size for picture in pictures}) > 1:
        raise UserError(f"Cannot write {path}: its frames differ in size; give frames of one size.")
    if path.suffix.lower() == ".gif":
        pictures = [picture.quantize(256, dither=Image.Dither.NONE) for picture in pictures]
    durations = [milliseconds] * (len(pictures) - 1) + [10 * milliseconds]
    with atomic(path) as temporary:
        pictures[0].save(temporary, save_all=True, append_images=pictures[1:], duration=durations, loop=0)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except Exception as error:  # decoders that meet damaged bytes raise nearly anything
        raise UserError(f"Cannot read the picture {path}: delete it and draw it again.") from error
