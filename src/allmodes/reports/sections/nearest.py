"""Samples over the training images nearest to them."""

from __future__ import annotations

from ..base import Section
from ..page import fill, inline_image
from ..run_files import RunFiles


class Nearest(Section):
    """Whether samples are copies, to be seen."""

    name = "nearest"
    order = 15
    title = "Nearest training images"

    def render(self, run: RunFiles) -> str | None:
        return fill("nearest.html", run=run, picture=inline_image(run.nearest)) if run.nearest else None
