"""The report: one HTML file that holds everything it shows and asks nothing of the network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError
from markupsafe import Markup
from PIL import Image

from ..core.discovery import entries
from ..core.errors import UserError
from ..core.files import write_text
from .base import Section
from .compare import cautions, compare_table, headings
from .run_files import RunFiles, read_run
from .words import SPLIT, meaning_of, title_of, write_figure

TILES = (
    *("modes", "kl", "excess_kl", "confidence", "frechet_distance"),
    *("st_lpips_best", "diversity", "consistency", "layout_agreement", "st_lpips", "psnr_mean"),
    "minutes",
)


@cache
def templates() -> Environment:
    """The templates of this room. Everything is escaped: a recipe may be a stranger's."""
    environment = Environment(
        loader=PackageLoader("allmodes.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(title_of=title_of, meaning_of=meaning_of)
    environment.globals.update(figure=write_figure)
    return environment


def fill(template: str, **values: object) -> Markup:
    """A template filled in."""
    return Markup(templates().get_template(template).render(values))


def inline_image(picture: Path | Image.Image) -> str:
    """A picture, or its file, as a ``data:`` address.

    Raises:
        UserError: the file cannot be read.
    """
    if isinstance(picture, Path):
        kind = {".gif": "gif", ".png": "png", ".svg": "svg+xml"}[picture.suffix]
        try:
            content = picture.read_bytes()
        except OSError as error:
            raise UserError(f"Cannot read the picture {picture}: {error.strerror}.") from error
    else:
        kind, buffer = "png", io.BytesIO()
        picture.save(buffer, format="PNG")
        content = buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def sections() -> list[Section]:
    """All sections, in the order of the page."""
    found = entries("allmodes.reports.sections", Section)
    return sorted((cls() for cls in found.values()), key=lambda section: section.order)


def section_of(name: str) -> Section:
    """The section of this name."""
    return next(section for section in sections() if section.name == name)


def write_report(runs: Sequence[Path], out: Path) -> None:
    """Write the report of one run, or of several side by side.

    Args:
        runs: run folders.
        out: the HTML file.

    Raises:
        UserError: no runs, a folder that is not a run, or a file that cannot be read or written.
    """
    if not runs:
        raise UserError("A report needs at least one run: name a run folder.")
    files = [read_run(Path(run)) for run in runs]
    names = _captions(files)
    blocks = []
    for section in sections():
        bodies = [body_of(section, run) for run in files]
        if any(body is not None for body in bodies):
            blocks.append((section, list(zip(names, bodies, strict=True))))
    rows = compare_table(files)
    page = fill(
        "page.html",
        title=_title(files),
        runs=[(name, run, _tiles(run)) for name, run in zip(names, files, strict=True)],
        blocks=blocks,
        headings=headings(rows),
        rows=rows if len(files) > 1 else [],
        cautions=cautions(files),
        style=Markup(templates().get_template("style.css").render()),
    )
    write_text(Path(out), page)


def body_of(section: Section, run: RunFiles) -> Markup | None:
    """A section of a run, whose files may be a stranger's.

    Raises:
        UserError: they hold something that cannot be drawn.
    """
    try:
        body = section.render(run)
        return None if body is None else Markup(body)
    except (ArithmeticError, AttributeError, LookupError, TemplateError, TypeError, ValueError) as error:
        raise UserError(
            f"The section '{section.title}' cannot be drawn from the files in {run.path} ({error}): one of them is "
            "damaged; copy the run, or evaluate it, again."
        ) from error


def _captions(files: Sequence[RunFiles]) -> list[str]:
    """What each run is called: its recipe, with the seed or else the folder where that is not enough."""
    names = [run.name for run in files]
    seeded = [f"{run.name}, seed {run.recipe.get('seed', '?')}" for run in files]
    if len(set(seeded)) < len(seeded):
        seeded = [f"{run.name} [{run.path.resolve().name}]" for run in files]
    return [long if names.count(name) > 1 else name for name, long in zip(names, seeded, strict=True)]


def _title(files: Sequence[RunFiles]) -> str:
    names = list(dict.fromkeys(run.name for run in files))
    if len(files) == 1:
        return files[0].title
    if len(names) == 1:
        return f"{len(files)} runs of {names[0]}"
    return f"Comparison of {', '.join(names[:-1])} and {names[-1]}"


def _tiles(run: RunFiles) -> list[tuple[str, str, str]]:
    """The chief figures as (name, text, remark)."""
    found = []
    held = [name for name in ("precision", "recall") if run.detail(name, "training") is not None]
    for name in (*TILES[:-1], *held, TILES[-1]):
        value = run.minutes if name == "minutes" else run.figure(name)
        if value is not None:
            found.append((name, write_figure(name, value), _remark(run, name)))
    return found


def _remark(run: RunFiles, name: str) -> str:
    """What the figure is to be held against, where the evaluation says so."""
    if name == "modes" and (law := run.detail("modes", "law")):
        return f"of {len(law):,}"
    if name == "kl" and isinstance(floor := run.detail("kl", "floor"), int | float):
        return f"real data {write_figure('kl', floor)}"
    if name == "confidence" and isinstance(real := run.detail("confidence", "real"), int | float):
        return f"real data {write_figure('confidence', real)}"
    if name in SPLIT and isinstance(training := run.detail(name, "training"), int | float):
        return f"training images {write_figure(name, training)}"
    return ""
