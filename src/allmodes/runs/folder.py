"""The folder of a run, before anything is trained into it: whose it is, and what in it no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import PARTIAL, read_text, remove, writing
from ..core.locks import abandoned, locked
from ..core.outputs import require_folder
from ..model import CHECKPOINTS
from ..training.recipe import WORDS, Recipe, parse_recipe

LOCK = ".lock"
# a run goes on all the same
INDIFFERENT = frozenset({"recipe", "threads", "device", "checkpoint_seconds", "patience", *WORDS})
ASSIGNED = "assigned.safetensors"  # latents that training assigned to its images, where figures rest on them
MIXTURE = "mixture.json"  # what was seen of a mixture prior
PICTURES = tuple(f"samples/{name}" for name in ("training.gif", "nearest.png", "latents.png", "components.png"))
ENDS = ("report.html", "audit", "evaluation.json", ASSIGNED, MIXTURE, "model", *PICTURES)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make the folder of a run, and let no other training into it within this context. If it stays empty, it goes.

    Raises:
        UserError: another training is at work there, or the folder cannot be made.
    """
    require_folder(folder)
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / LOCK, "another training is at work there"):
            yield
    finally:
        with suppress(OSError):  # what is not empty stays
            for place in new:
                place.rmdir()


def begun(folder: Path, fresh: bool) -> Mapping[str, Any]:
    """The recipe, as it stands in the folder, of a training that can be gone on with; nothing if there is none."""
    ours, finished = folder / "recipe.yaml", (folder / "evaluation.json").exists()
    if fresh or not ours.exists() or not (finished or any((folder / "checkpoints").glob(CHECKPOINTS))):
        return {}
    return parse_recipe(read_text(ours), str(ours))


def check_folder(folder: Path, recipe: Recipe, fresh: bool) -> None:
    """See that the folder is free, or holds a run of the same recipe, or of any if it is to start over.

    A run of fewer images goes on to more.

    Raises:
        UserError: the folder holds something else, or a run of a recipe that differs.
    """
    ours = folder / "recipe.yaml"
    if not ours.exists():
        if not all(path.name == LOCK or PARTIAL in path.name for path in folder.iterdir()):
            raise UserError(f"{folder} is not empty and not a run: choose another folder with --out.")
        return
    before, now = begun(folder, fresh), recipe.to_dict()
    if before and (said := difference(before, now)):
        raise UserError(f"{folder} was begun with {said}. Use --fresh to start over, or --out for another folder.")
    if before and before["images"] != now["images"] and not any((folder / "checkpoints").glob(CHECKPOINTS)):
        raise UserError(f"{folder} has no checkpoint to go on from: use --fresh, or --out for another folder.")


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What keeps a training by the second recipe from going on with one by the first, in words; nothing if it may."""
    for key in dict.fromkeys([*now, *before]):
        if before.get(key) != now.get(key) and key not in INDIFFERENT and not _longer(key, before, now):
            return f"{key}: {before.get(key)!r}, not {now.get(key)!r}"
    return ""


def _longer(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the recipes differ here only in that the second trains for more images."""
    old, new = before.get(key), now.get(key)
    return key == "images" and isinstance(old, int) and isinstance(new, int) and old < new


def open_folder(folder: Path, fresh: bool) -> None:
    """Remove what was said of an end that is none, or everything to start over, and what kills left behind.

    Whatever moment a kill comes at, the folder is a run: ``recipe.yaml`` stays until the new one takes its place. Its
    end goes before its checkpoints, so that no model, audit or report is taken for that of another training.

    Raises:
        UserError: the system refused.
    """
    for name in ENDS:
        remove(folder / name)
    if fresh and (folder / "recipe.yaml").exists():
        for path in folder.iterdir():
            if path.name not in {LOCK, "recipe.yaml"}:
                remove(path)
    with writing(folder):
        for path in folder.rglob(f".*{PARTIAL}*"):
            if abandoned(path):
                remove(path)
