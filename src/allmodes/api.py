"""The functions that most users need: train, and load what was trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .auditing import Findings, audit
from .auditing.runs import audit_run
from .model import Model, load
from .reports import write_report
from .runs.run import Run
from .runs.run import train as train_run

__all__ = ["Findings", "Model", "Run", "audit", "load", "train"]


def train(
    recipe: str | Path,
    out: str | Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    fresh: bool = False,
) -> Run:
    """Train by a recipe, audit the model and write the report; see :func:`allmodes.runs.run.train`."""
    return train_run(recipe, out, overrides=overrides, fresh=fresh, then=_look)


def _look(run: Run) -> None:
    audit_run(run)
    write_report([run.path], run.path / "report.html")
