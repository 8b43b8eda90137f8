"""Audits of the same data side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..core.errors import UserError
from ..core.files import read_json, write_text
from .page import fill, inline_image, templates
from .run_files import inside
from .words import title_of, write_figure

SCHEMA = 3  # of audit.json, see audit.schema.json
MASSES = ("dropped_mass", "crowded_mass", "copied_mass", "invented_mass")
REGIONS = 30
PICTURES = {  # as images, not as part of the page: a folder may be a stranger's
    "map.svg": "Map of the data: every dot is an example, its colour says how many samples lie around it.",
    "scarcest.png": "The most under-represented examples, below their inputs if any, and the sample nearest to each.",
}


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Args:
        title: what it compares.
        headings: of the columns.
        rows: the first cell names the row.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) of ``audit.json``: every key, what it means, and in which unit."""
    return resources.files("allmodes.reports").joinpath("audit.schema.json").read_text(encoding="utf-8")


def holds_audit(path: Path) -> bool:
    """Whether the folder is that of an audit."""
    return (path / "audit.json").exists()


def compare_audits(folders: Sequence[Path]) -> list[Grid]:
    """Their figures, and, where the regions are the same, the share that each has of what any of them drops.

    Args:
        folders: with an ``audit.json`` each.

    Raises:
        UserError: they are audits of different data, or in different feature spaces.
    """
    audits = {str(folder): read_audit(folder) for folder in folders}
    first = next(iter(audits))
    for name, found in audits.items():
        for what, key in (("of other data", "real"), ("in another feature space", "space")):
            if _basis(found)[key] != _basis(audits[first])[key]:
                raise UserError(f"{name} is an audit {what} than {first}: compare audits of one kind.")
    grids = [_figures(audits)]
    if len({found["certificate"]["seed"] for found in audits.values()}) == 1:
        grids += _regions(audits)
    return grids


def _checked(folder: Path, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The audit, if everything that is shown of it is there and of its type.

    Raises:
        UserError: something is missing, or a word where a number belongs.
    """
    try:
        _figures({str(folder): found})
        numbers = [number for mass in MASSES for number in (found[mass]["estimate"], *_ends(found[mass]))]
        numbers += [found["n_real"], found["n_fake"]]
        for region in found["regions"]:
            _ratio(region)
            numbers += [region["q_value"], len(region["members"]), *region.get("typical", {}).values()]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("a number is not finite")
        texts = (
            found["verdict"],
            found["certificate"]["seed"],
            *(region[key] for region in found["regions"] for key in ("id", "view")),
        )
        if not all(isinstance(text, str | int) for text in texts) or not _basis(found)["space"]:
            raise TypeError("a word or a number is something else")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(f"{folder / 'audit.json'} is damaged ({error}): make the audit again.") from error
    return found


def _ends(mass: Mapping[str, Any]) -> list[float]:
    """Of its interval, which may have no upper one."""
    low, high = mass["ci95"]
    return [low] if high is None else [low, high]


def is_outdated(folder: Path) -> bool:
    """Whether the folder's audit is of an earlier version, which said more than it knew: it is made again."""
    found = read_json(folder / "audit.json")
    version = found.get("schema") if isinstance(found, dict) else None
    return isinstance(version, int) and version < SCHEMA


def read_audit(folder: Path) -> Mapping[str, Any]:
    """What ``audit.json`` holds.

    Raises:
        UserError: it is missing, of another version, or damaged.
    """
    if not holds_audit(folder):
        raise UserError(f"{folder} is not an audit, but others given are: compare audits with audits, runs with runs.")
    found = read_json(folder / "audit.json")
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UserError(f"{folder / 'audit.json'} is not an audit of this version: make it again.")
    return _checked(folder, found)


def _basis(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"real": found["certificate"]["real"], "space": found["distance"]}


def _figures(audits: Mapping[str, Mapping[str, Any]]) -> Grid:
    rows, summaries = [], [found["summary"] for found in audits.values()]
    metrics = [metric for metric in summaries[0] if all(metric in summary for summary in summaries)]
    for name, found in audits.items():
        parts = sum(region["dropped"] for region in found["regions"])
        masses = [_mass(found[mass]) for mass in MASSES]
        differs = f"{found['difference']['p_value']:.2g}"
        rows.append(
            (name, *masses, str(parts), differs, *(write_figure(m, found["summary"][m]["value"]) for m in metrics))
        )
    headings = (
        "audit",
        "data dropped",
        "crowded",
        "copied",
        "far from data",
        "regions dropped",
        "p of one law",
        *map(title_of, metrics),
    )
    return Grid("Audits", headings, tuple(rows))


def _mass(found: Mapping[str, Any]) -> str:
    low, high = found["ci95"]
    if high is None:
        return f"{found['estimate']:.1%} (at least {low:.1%})"
    return f"{found['estimate']:.1%} ({low:.1%} to {high:.1%})"


def _regions(audits: Mapping[str, Mapping[str, Any]]) -> list[Grid]:
    """The ratio in every audit of the regions that any audit calls dropped."""
    by_id = [{(region["view"], region["id"]): region for region in found["regions"]} for found in audits.values()]
    dropped = [key for key in by_id[0] if any(regions[key]["dropped"] for regions in by_id if key in regions)]
    one = len({view for view, _ in by_id[0]}) == 1
    dropped.sort(key=lambda key: min(regions[key]["q_value"] for regions in by_id if key in regions))
    rows = []
    for key in dropped[:REGIONS]:
        region = by_id[0][key]
        members = len(region["members"])
        ratios = [_ratio(regions.get(key)) for regions in by_id]
        said = [*([] if one else [key[0]]), *region.get("typical", {})]
        rows.append((f"{key[1]} ({', '.join(said)})" if said else key[1], str(members), *ratios))
    return (
        [Grid("Ratio of regions that any of them drops", ("region", "examples", *audits), tuple(rows))] if rows else []
    )


def _ratio(region: Mapping[str, Any] | None) -> str:
    if region is None or region["ratio"] is None:
        return "–"
    return f"{region['ratio']:.2f}" + (" dropped" if region["dropped"] else "")


def as_markdown(grids: Sequence[Grid]) -> str:
    """The tables in Markdown."""
    blocks = []
    for grid in grids:
        lines = [grid.headings, ("---", *["---:"] * (len(grid.headings) - 1)), *grid.rows]
        table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
        blocks.append(f"### {grid.title}\n\n{table}\n")
    return "\n".join(blocks)


@dataclass(frozen=True)
class Seen:
    """What a page shows of an audit.

    Args:
        name: its folder.
        verdict: its sentence.
        pictures: descriptions and ``data:`` addresses, of those that are in the folder.
    """

    name: str
    verdict: str
    pictures: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, folder: Path) -> Seen:
        """Read a folder."""
        there = [(text, folder / file) for file, text in PICTURES.items() if inside(folder / file, folder)]
        return cls(
            str(folder), read_audit(folder)["verdict"], tuple((text, inline_image(path)) for text, path in there)
        )


def write_audits_page(folders: Sequence[Path], grids: Sequence[Grid], out: Path) -> None:
    """The verdicts, the maps and the tables as one page.

    Raises:
        UserError: a file cannot be read or written.
    """
    audits = [Seen.of(folder) for folder in folders]
    style = Markup(templates().get_template("style.css").render())
    write_text(out, fill("audits.html", audits=audits, grids=grids, style=style))
