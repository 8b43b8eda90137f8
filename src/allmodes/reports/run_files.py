"""A run folder, read with tolerance: what is missing is absent, and nothing is computed anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import parse_yaml, read_object, read_text
from ..core.records import Score

METHODS = {
    "gan": "GAN",
    "imle": "IMLE",
    "imle-gan": "IMLE-GAN",
    "rs-imle": "RS-IMLE",
    "adaptive-imle": "Adaptive IMLE",
    "one-to-one": "One-to-one matching",
    "glo": "GLO",
    "glann": "GLANN",
    "fastgan": "FastGAN",
    "unrolled-gan": "Unrolled GAN",
}
MATCHERS = {"rejection": "rs-imle", "one-to-one": "one-to-one"}  # methods that differ from IMLE in nothing else


@dataclass(frozen=True)
class Entry:
    """A line of ``metrics.jsonl``.

    Args:
        images: data examples seen so far.
        seconds: time trained so far.
        elapsed: with everything beside: pictures, evaluations, the audit, and sessions before.
        scalars: figures by name.
    """

    images: int
    seconds: float
    elapsed: float
    scalars: Mapping[str, float]


@dataclass(frozen=True)
class Picture:
    """A grid of samples.

    Args:
        images: data examples seen when it was drawn.
        path: the file.
    """

    images: int
    path: Path


@dataclass(frozen=True)
class RunFiles:
    """What a run folder holds.

    Args:
        path: the folder.
        recipe: the resolved recipe.
        recipe_text: as it stands in ``recipe.yaml``.
        environment: where the run took place.
        train: the lines of kind ``train``, in order.
        evaluations: the lines of kind ``evaluation``, in order.
        audits: the lines of kind ``audit``, which say how long it took.
        scores: the evaluation at the end, by name.
        headline: its chief figures.
        pictures: grids of samples from fixed latents, in order of training.
        real: grid of real examples.
        nearest: samples over the training images nearest to them.
        animation: the grids as an animation.
    """

    path: Path
    recipe: Mapping[str, Any]
    recipe_text: str
    environment: Mapping[str, Any]
    train: tuple[Entry, ...]
    evaluations: tuple[Entry, ...]
    audits: tuple[Entry, ...]
    scores: Mapping[str, Score]
    headline: Mapping[str, float]
    pictures: tuple[Picture, ...]
    real: Path | None
    nearest: Path | None
    animation: Path | None

    @cached_property
    def name(self) -> str:
        """The recipe's name, or the folder's."""
        return str(self.recipe.get("recipe") or self.path.resolve().name)

    @property
    def title(self) -> str:
        """Method and data; what the recipe calls itself where it names none."""
        objective, matching = (self._part(part).get("name") for part in ("objective", "matching"))
        if not objective or not self.data:
            return str(self.recipe.get("title") or self.name)
        method = str(MATCHERS.get(str(matching)) if objective == "imle" and matching in MATCHERS else objective)
        return f"{METHODS.get(method, method)} on {Path(self.data).name}"

    @property
    def data(self) -> str:
        """What the data are called, or where they lie."""
        known = self._part("data")
        return str(known.get("path") or known.get("source") or known.get("name") or "")

    def _part(self, name: str) -> Mapping[str, Any]:
        part = self.recipe.get(name)
        return part if isinstance(part, dict) else {}

    @property
    def planar(self) -> bool:
        """Whether the data are points in the plane."""
        return any("points" in score.detail for score in self.scores.values())

    @property
    def images(self) -> int | None:
        """Data examples trained on."""
        entries = self.train + self.evaluations
        return max(entry.images for entry in entries) if entries else None

    @property
    def minutes(self) -> float | None:
        """All the time that it took, over all sessions."""
        entries = self.train + self.evaluations + self.audits
        return max(entry.elapsed for entry in entries) / 60 if entries else None

    def figure(self, name: str) -> float | None:
        """The value of a score or of a headline figure, or None."""
        if name in self.scores:
            return self.scores[name].value
        return self.headline.get(name)

    def detail(self, score: str, key: str) -> Any:
        """An entry of a score's detail, or None."""
        return self.scores[score].detail.get(key) if score in self.scores else None


def read_run(path: Path) -> RunFiles:
    """Read a run folder. Only ``recipe.yaml`` must be there.

    Raises:
        UserError: the folder is not a run, or a file in it is broken.
    """
    path = Path(path)
    if not (path / "recipe.yaml").exists():
        raise UserError(f"{path} is not a run: it holds no recipe.yaml. Give a folder made by train.")
    text = read_text(path / "recipe.yaml")
    recipe = parse_yaml(text, str(path / "recipe.yaml"))
    if not isinstance(recipe, dict):
        raise UserError(f"{path / 'recipe.yaml'} is not a recipe: train the run again.")
    evaluation = _document(path / "evaluation.json")
    samples = path / "samples"
    return RunFiles(
        path=path,
        recipe=recipe,
        recipe_text=text,
        environment=_document(path / "environment.json"),
        train=_entries(path / "metrics.jsonl", "train"),
        evaluations=_entries(path / "metrics.jsonl", "evaluation"),
        audits=_entries(path / "metrics.jsonl", "audit"),
        scores=_scores(path / "evaluation.json", evaluation),
        headline=_numbers(evaluation.get("headline")),
        pictures=_pictures(samples),
        real=_existing(samples / "real.png"),
        nearest=_existing(samples / "nearest.png"),
        animation=_existing(samples / "training.gif"),
    )


def _document(path: Path) -> Mapping[str, Any]:
    return read_object(path) if path.exists() else {}


def _scores(path: Path, document: Mapping[str, Any]) -> dict[str, Score]:
    try:
        return {score.name: score for score in map(_score, document.get("scores") or ())}
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and evaluate the run again.") from error


def inside(path: Path, folder: Path) -> bool:
    """Whether this file is there and in the folder: a link out of it would show a stranger's file."""
    try:
        return path.resolve().is_relative_to(folder.resolve()) and path.is_file()
    except (OSError, RuntimeError):  # a link to itself
        return False


def _existing(path: Path) -> Path | None:
    return path if inside(path, path.parent.parent) else None


def _numbers(values: object) -> dict[str, float]:
    """The numbers among ``values``; a null or a word is left out."""
    if not isinstance(values, dict):
        return {}
    return {str(key): float(value) for key, value in values.items() if isinstance(value, int | float)}


def _score(document: Mapping[str, Any]) -> Score:
    interval = document.get("ci95")
    value = document.get("value")
    return Score(
        name=str(document.get("name", "")),
        value=float("nan") if value is None else float(value),
        ci95=(float(interval[0]), float(interval[1])) if interval else None,
        n_real=int(document.get("n_real") or 0),
        n_fake=int(document.get("n_fake") or 0),
        certificate=document.get("certificate") or {},
        detail=document.get("detail") or {},
        warnings=tuple(document.get("warnings") or ()),
    )


def _entries(path: Path, kind: str) -> tuple[Entry, ...]:
    """The whole lines of one kind; a line cut short by a kill is passed over."""
    if not path.exists():
        return ()
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            if entry["kind"] == kind:
                seconds = float(entry["seconds"])
                elapsed = float(entry.get("elapsed", seconds))
                found.append(Entry(int(entry["images"]), seconds, elapsed, _numbers(entry.get("scalars"))))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            continue
    return tuple(found)


def _pictures(folder: Path) -> tuple[Picture, ...]:
    found = []
    for path in folder.glob("images-*.png"):
        number = path.stem.removeprefix("images-")
        if number.isdigit() and _existing(path):
            found.append(Picture(int(number), path))
    return tuple(sorted(found, key=lambda picture: picture.images))
