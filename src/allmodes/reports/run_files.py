"""A run folder, read with tolerance: what is missing is absent, and nothing is computed anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import parse_yaml, read_object, read_text
from ..core.records import Score
from ..runs.ended import read_ended
from ..training.checkpoint import newest_step
from ..training.patience import Ended
from .log_lines import Entry, numbers, read_entries
from .words import method_of

DOCUMENTS = ("environment", "evaluation", "mixture", "watch", "model/config")


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
        evaluations: the lines of kind ``evaluation``, in order: quick looks, and the evaluation at the end.
        audits: the lines of kind ``audit``, which say how long it took.
        scores: the evaluation at the end, by name.
        headline: its chief figures.
        pictures: grids of samples from fixed latents, in order of training, up to the model.
        real: grid of real examples.
        nearest: samples over the training images nearest to them.
        latents: samples at latents assigned in training, over samples at fresh ones.
        animation: the grids as an animation.
        mixture: what was seen of a mixture prior, see :mod:`allmodes.evaluation.mixture`; empty for others.
        components: samples, a row for each of its components.
        prolonged: sentences on what went by an earlier, shorter length of the training.
        ended: how the training ended early, if it did.
        stopped: data examples after which a training that has not ended goes on: those of its newest checkpoint.
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
    latents: Path | None
    animation: Path | None
    mixture: Mapping[str, Any] = field(default_factory=dict)
    components: Path | None = None
    prolonged: tuple[str, ...] = ()
    ended: Ended | None = None
    stopped: int | None = None

    @cached_property
    def name(self) -> str:
        """The recipe's name, or the folder's."""
        return str(self.recipe.get("recipe") or self.path.resolve().name)

    @property
    def title(self) -> str:
        """Method and data; what the recipe calls itself where it names none."""
        parts = {part: str(self._part(part).get("name", "")) for part in ("objective", "matching", "prior", "loss")}
        if not parts["objective"] or not self.data:
            return str(self.recipe.get("title") or self.name)
        return f"{method_of(**parts, conditional=self.conditional)} on {Path(self.data).name}"

    @property
    def conditional(self) -> bool:
        """Whether the model answers inputs."""
        return "degradation" in self.recipe or "psnr_best" in self.scores

    @property
    def data(self) -> str:
        """What the data are called, or where they lie."""
        return str(next((known for key in ("path", "source", "name") if (known := self._part("data").get(key))), ""))

    def _part(self, name: str) -> Mapping[str, Any]:
        return part if isinstance(part := self.recipe.get(name), dict) else {}

    @property
    def planar(self) -> bool:
        """Whether the data are points in the plane."""
        return any("points" in score.detail for score in self.scores.values())

    @property
    def images(self) -> int | None:
        """Data examples trained on."""
        entries = self.train + self.evaluations
        logged = max(entry.images for entry in entries) if entries else None
        return logged if self.stopped is None else self.stopped

    @property
    def minutes(self) -> float | None:
        """All the time that it took, over all sessions."""
        entries = self.train + self.evaluations + self.audits
        return max(entry.elapsed for entry in entries) / 60 if entries else None

    def figure(self, name: str) -> float | None:
        """The value of a score or of a headline figure, or None."""
        return self.scores[name].value if name in self.scores else self.headline.get(name)

    def detail(self, score: str, key: str) -> Any:
        """An entry of a score's detail, or None."""
        return self.scores[score].detail.get(key) if score in self.scores else None


def read_run(path: Path) -> RunFiles:
    """Read a run folder. Only ``recipe.yaml`` must be there.

    Raises:
        UserError: the folder is not a run, or a file in it is broken.
    """
    path = Path(path)
    _require_run(path)
    text = read_text(path / "recipe.yaml")
    recipe = parse_yaml(text, str(path / "recipe.yaml"))
    if not isinstance(recipe, dict):
        raise UserError(f"{path / 'recipe.yaml'} is not a recipe: train the run again.")
    evaluation = _document(path / "evaluation.json")
    scores, headline = _scores(path / "evaluation.json", evaluation)
    entries = read_entries(path / "metrics.jsonl")
    samples, ended, batch = path / "samples", read_ended(path), recipe.get("batch")
    step = None if evaluation else newest_step(path / "checkpoints")
    return RunFiles(
        path=path,
        recipe=recipe,
        recipe_text=text,
        environment=_document(path / "environment.json"),
        train=entries.get("train", ()),
        evaluations=entries.get("evaluation", ()),
        audits=entries.get("audit", ()),
        scores=scores,
        headline=headline,
        prolonged=_prolonged(path / "model" / "config.json"),
        ended=ended,
        stopped=step * batch if isinstance(batch, int) and step is not None else None,
        pictures=tuple(one for one in _pictures(samples) if ended is None or one.images <= ended.model),
        real=_existing(samples / "real.png"),
        nearest=_existing(samples / "nearest.png"),
        latents=_existing(samples / "latents.png"),
        animation=_existing(samples / "training.gif"),
        mixture=_document(path / "mixture.json"),
        components=_existing(samples / "components.png"),
    )


def _require_run(path: Path) -> None:
    """Refuse a folder without a recipe, or whose texts are links to elsewhere."""
    if not (path / "recipe.yaml").exists():
        raise UserError(f"{path} is not a run: it holds no recipe.yaml. Give a folder made by train.")
    for name in ("recipe.yaml", "metrics.jsonl", *(f"{name}.json" for name in DOCUMENTS)):
        if os.path.lexists(path / name) and not inside(path / name, path):
            raise UserError(f"{path / name} is not a file of that folder: put the file itself in its place.")


def _document(path: Path) -> Mapping[str, Any]:
    return read_object(path) if path.exists() else {}


def _scores(path: Path, document: Mapping[str, Any]) -> tuple[dict[str, Score], dict[str, float]]:
    """The scores by name, and the headline, of an evaluation."""
    try:
        if path.exists() and not document.keys() & {"scores", "headline"}:
            raise KeyError("scores")
        scores = {score.name: score for score in map(_score, document.get("scores") or ())}
        return scores, numbers(document.get("headline") or {})
    except (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and evaluate the run again.") from error


def inside(path: Path, folder: Path) -> bool:
    """Whether this file is there and in the folder: a link out of it, which is said, would show a stranger's file."""
    try:
        if path.is_file() and not path.resolve().is_relative_to(folder.resolve()):
            print(f"{path} leads out of {folder}: it is not shown.", file=sys.stderr)
            return False
        return path.is_file()
    except (OSError, RuntimeError):  # a link to itself
        return False


def _existing(path: Path) -> Path | None:
    return path if inside(path, path.parent.parent) else None


def _score(document: Mapping[str, Any]) -> Score:
    interval, ends = document.get("ci95"), ("low", "high")
    parts = {key: document.get(key) or {} for key in ("certificate", "detail")}
    warnings = document.get("warnings") or ()
    if not all(isinstance(part, dict) for part in parts.values()) or isinstance(warnings, str):
        raise TypeError("certificate, detail or warnings are of another type")
    shown = numbers({"value": document.get("value"), **dict(zip(ends, interval or (), strict=False))})
    return Score(
        name=str(document["name"]),
        value=shown.get("value", float("nan")),
        ci95=(shown["low"], shown["high"]) if interval else None,
        n_real=int(document.get("n_real") or 0) or None,
        n_fake=int(document.get("n_fake") or 0) or None,
        warnings=tuple(map(str, warnings)),
        **parts,
    )


def _prolonged(path: Path) -> tuple[str, ...]:
    """What the model's card says of a training that went on after its end."""
    if not path.exists():
        return ()
    try:
        return tuple(
            f"It was to end after {int(past['of']):,} presentations, and {past['what']} went by that until "
            f"{int(past['images']):,}: the recipe alone does not give these figures."
            for past in read_object(path)["card"].get("prolonged", ())
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} is damaged ({error}): train or copy the run again.") from error


def _pictures(folder: Path) -> tuple[Picture, ...]:
    found = []
    for path in folder.glob("images-*.png"):
        number = path.stem.removeprefix("images-")
        if number.isascii() and number.isdigit() and _existing(path):
            found.append(Picture(int(number), path))
    return tuple(sorted(found, key=lambda picture: picture.images))
