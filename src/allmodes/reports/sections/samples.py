"""What the generator makes, beside what it learned from, and how it came to that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import UserError
from ...core.pictures import GUTTER, PAPER
from ..base import Section
from ..page import fill, inline_image
from ..run_files import Picture, RunFiles

SHOWN = 8


def spread(pictures: Sequence[Picture]) -> list[Picture]:
    """At most ``SHOWN`` pictures, the first and the last among them, evenly spaced between."""
    if len(pictures) <= SHOWN:
        return list(pictures)
    return [pictures[round(number * (len(pictures) - 1) / (SHOWN - 1))] for number in range(SHOWN)]


def corner(path: Path) -> Image.Image:
    """The upper left quarter of a grid, or a little more so that no image is cut, to be legible when small.

    Raises:
        UserError: the file is not a picture.
    """
    try:
        with Image.open(path) as grid:
            shown = grid.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"Cannot read the picture {path}: delete it and write the report again.") from error
    paper = (np.asarray(shown) == PAPER).all(-1)
    return shown.crop((0, 0, half(paper.all(0)), half(paper.all(1))))


def half(blank: NDArray[np.bool_]) -> int:
    """Where lines of a picture, of which some are blank, are cut: where a gutter ends, past one half."""
    start = (len(blank) + GUTTER) // 2
    return next((end for end in range(start, len(blank)) if blank[end - GUTTER : end].all()), len(blank))


class Samples(Section):
    """Generated beside real, and small multiples over the training; for planar data the moving points."""

    name = "samples"
    order = 10
    title = "Samples"

    def render(self, run: RunFiles) -> str | None:
        if not run.pictures:
            return None
        last = run.pictures[-1]
        course = spread(run.pictures) if len(run.pictures) > 1 and not run.planar else []
        return fill(
            "samples.html",
            run=run,
            last=last,
            generated=inline_image(last.path),
            real=inline_image(run.real) if run.real else None,
            animation=inline_image(run.animation) if run.planar and run.animation else None,
            series=[(picture.images, inline_image(corner(picture.path))) for picture in course],
        )
