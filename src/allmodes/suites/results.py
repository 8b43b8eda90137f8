"""What a suite found, ``results.json``: for every member and seed its figures, its cost, and where it was trained."""

from __future__ import annotations

import math
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_object, write_json
from ..reports.run_files import RunFiles, read_run
from ..reports.suite_results import RESULTS, SCHEMA
from .base import Member, Suite
from .side_by_side import Field
from .trainings import Training

Kept = Mapping[str, Mapping[str, Any]]


def kept_results(suite: Suite, out: Path) -> dict[str, dict[str, Any]]:
    """What earlier commands ended, by folder. Figures of trainings that the suite now asks for otherwise are not kept.

    Args:
        suite: as it is now.
        out: its folder.
    """
    document = read_object(out / RESULTS) if (out / RESULTS).exists() else {}
    known = {run["folder"]: run for member in document.get("members", ()) for run in member["runs"]}
    kept = {}
    for member in suite.members:
        for folder, run in known.items():
            training = Training(member, int(run["seed"]), 1, out)
            if folder == training.folder.relative_to(out).as_posix() and run["state"] != "unfinished":
                said = _otherwise(training, run) if run["state"] == "finished" else ""
                kept[folder] = {**run, "state": "failed", "reason": said, "figures": {}} if said else run
    return kept


def _otherwise(training: Training, run: Mapping[str, Any]) -> str:
    """Why figures from before are not those of this training; nothing if they are."""
    try:
        there = training.folder.exists()  # if the runs were deleted, the command says how they were trained
        same = training.finished if there else _options(run["command"]) == _options(training.command)
    except UserError as error:
        return str(error)
    return (
        ""
        if same
        else "It was trained with other settings than the suite has now: give its seed with --seeds to train it anew."
    )


def _options(command: str) -> set[str]:
    return {word for word in shlex.split(command) if word.startswith("--") and not word.startswith("--threads=")}


def write_results(
    suite: Suite,
    out: Path,
    trainings: Collection[Training],
    found: Field,
    *,
    kept: Kept,
    command: str,
    origin: Mapping[str, Any],
) -> None:
    """Write ``results.json``; trainings that an earlier command ended and this one leaves out stay in it.

    Args:
        suite: that was trained.
        out: its folder.
        trainings: those of this command.
        found: where each of them stands.
        kept: what earlier commands ended, see :func:`kept_results`.
        command: as it was typed.
        origin: machine and versions.
    """
    now = {training.folder.relative_to(out).as_posix(): training for training in trainings}
    members = [one for member in suite.members if (one := _member(member, now, found, kept, origin))["runs"]]
    document = {
        "schema": SCHEMA,
        "suite": suite.name,
        **{key: getattr(suite, key) for key in ("title", "about", "budget")},
        "command": command,
        "measures": list(suite.measures),
        "seeds": sorted({run["seed"] for member in members for run in member["runs"]}),
        "origin": dict(origin),
        "members": members,
    }
    write_json(out / RESULTS, document)


def _member(
    member: Member, now: Mapping[str, Training], found: Field, kept: Kept, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """A member with its trainings by seed, those of this command, which are named by their folders, over those kept."""
    prefix = f"runs/{member.folder}-seed"
    runs: dict[str, Mapping[str, Any]] = {}
    runs |= {name: run for name, run in kept.items() if name.removeprefix(prefix).isdecimal()}
    for name, training in now.items():
        if training.member is member:
            runs[name] = _run(training, found, name, origin, runs.get(name, {}))
    words = {key: getattr(member, key) for key in ("name", "title", "group", "recipe")}
    ordered = sorted(runs.values(), key=lambda run: run["seed"])
    return {**words, "changes": dict(member.changes), "runs": ordered}


def _run(
    training: Training, found: Field, name: str, origin: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """One training; of one that was finished before this command, the commit is that which was noted then."""
    state, reason = "unfinished", "It is not trained to the end yet: the same command goes on."
    if training in found.failed:
        state, reason = "failed", found.failed[training]
    figures: dict[str, float | None] = {}
    where: dict[str, Any] = {}
    if training in found.done:
        try:
            files = read_run(training.folder)
            state, reason, figures, where = "finished", "", figures_of(files), dict(files.environment)
        except UserError as error:
            state, reason = "failed", str(error)
    return {
        "seed": training.seed,
        "state": state,
        "reason": reason,
        "folder": name,
        "command": training.command,
        "commit": before.get("commit") if training in found.before else origin["commit"],
        "figures": figures,
        "where": where,
    }


def figures_of(files: RunFiles) -> dict[str, float | None]:
    """All figures of a run's evaluation, and its cost: presentations, minutes, seconds trained, speed."""
    cost = {"images": files.images, "minutes": files.minutes}
    if files.train:
        ends = [entries[-1].seconds for entries in (files.train, files.evaluations) if entries]
        speed = files.train[-1].scalars.get("images_per_second")
        cost |= {"seconds": max(ends), "images_per_second": speed}
    scores = {name: score.value for name, score in files.scores.items()}
    both = {**scores, **files.headline, **cost}
    return {key: value if value is not None and math.isfinite(value) else None for key, value in both.items()}
