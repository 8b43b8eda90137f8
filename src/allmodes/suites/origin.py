"""Where figures come from: machine, versions, and the commit of the code that made them."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from ..runs.environment import processor

PACKAGE = Path(__file__).parents[1]


def origin() -> dict[str, Any]:
    """As JSON: machine, platform, versions, and where the code is a checkout its commit."""
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {
        "machine": ", ".join([processor(), *gpus]),
        "platform": platform.platform(),
        "allmodes": installed(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit(PACKAGE),
    }


def installed() -> str | None:
    """The version of this package; None where its source is used without being installed."""
    try:
        return version("allmodes")
    except PackageNotFoundError:
        return None


def commit(folder: Path) -> str | None:
    """The commit of a checkout that holds this folder's files, with a ``+`` if they were changed; None if none does."""
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:  # a package in somebody else's checkout
        return None
    found, changed = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--", ".")
    return f"{found}+" if found and changed else found


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
