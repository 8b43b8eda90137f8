"""The trainings of a suite: one for each member and seed, each an ordinary run folder and an ordinary command."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import UserError
from ..core.locks import abandoned
from ..runs.folder import LOCK, begun, difference
from ..runs.run import Run, trained
from ..training.precision import settled
from ..training.recipe import Recipe, load_recipe
from .base import Changes, Member

RUNS, LOGS = "runs", "logs"


@dataclass(frozen=True, eq=False)
class Training:
    """One run of a suite.

    Args:
        member: that it is of.
        seed: that it starts from.
        threads: of the processor.
        out: folder of the suite.
    """

    member: Member
    seed: int
    threads: int
    out: Path

    @property
    def title(self) -> str:
        """Member and seed."""
        return f"{self.member.name}, seed {self.seed}"

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.out / RUNS / f"{self.member.folder}-seed{self.seed}"

    @property
    def log(self) -> Path:
        """What the training says, in a file."""
        return self.out / LOGS / f"{self.folder.name}.txt"

    @property
    def changes(self) -> dict[str, Any]:
        """All that differs from the recipe; the suite's threads count, whatever the recipe says."""
        return {**self.member.changes, **self.member.drawn(self.seed), "seed": self.seed, "threads": self.threads}

    @property
    def recipe(self) -> Recipe:
        """The complete recipe."""
        return load_recipe(self.member.recipe, self.changes)

    @property
    def words(self) -> list[str]:
        """The command, as it follows ``allmodes``."""
        return ["train", self.member.recipe, "--out", str(self.folder), *as_words(self.changes)]

    @property
    def program(self) -> list[str]:
        """The process that trains."""
        return [sys.executable, "-m", "allmodes.cli", *self.words]

    @property
    def command(self) -> str:
        """The command, as it is typed."""
        return shlex.join(["allmodes", *self.words])

    @property
    def finished(self) -> bool:
        """Whether it was trained, evaluated and reported on, by this recipe.

        Raises:
            UserError: the folder holds a training by another recipe.
        """
        if not begun(self.folder, fresh=False):
            return False
        recipe, there = self.recipe, Run(self.folder).recipe
        if said := difference(there.to_dict(), settled(recipe, there.settings.precision).to_dict()):
            raise UserError(
                f"{self.folder} was trained with {said} as it is now asked for: delete that folder, or choose another "
                "with --out."
            )
        return (self.folder / "report.html").exists() and trained(self.folder, recipe)

    @property
    def elsewhere(self) -> bool:
        """Whether another process trains it at this moment, as one does that outlived a suite that was killed."""
        lock = self.folder / LOCK
        return lock.exists() and not abandoned(lock)


def as_words(changes: Changes) -> list[str]:
    """Changes as options of ``allmodes train``, which reads them back as they are.

    >>> as_words({"images": 1000, "loss": {"name": "hinge"}, "data": "2024"})
    ['--images=1000', '--loss={name: hinge}', '--data=2024']
    """
    return [f"--{key}={_written(key, value)}" for key, value in changes.items()]


def _written(key: str, value: Any) -> str:
    if isinstance(value, str) and key.split(".")[-1] in {"data", "path"}:  # taken as it is typed
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).removesuffix("\n").removesuffix("\n...")


def trainings(members: Sequence[Member], seeds: Sequence[int], threads: int, out: Path) -> list[Training]:
    """All of them: every member once, before any of them from its next seed."""
    return [Training(member, seed, threads, out) for seed in seeds for member in members]
