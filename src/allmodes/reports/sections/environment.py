"""Where the run took place: figures of speed mean nothing without it."""

from __future__ import annotations

from ..base import Section
from ..page import fill
from ..run_files import RunFiles


class Environment(Section):
    """Machine, versions, processes."""

    name = "environment"
    order = 80
    title = "Environment"

    def render(self, run: RunFiles) -> str | None:
        return fill("environment.html", environment=run.environment) if run.environment else None
